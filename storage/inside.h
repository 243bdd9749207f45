/* The store from inside the room: what store.c and ledger.c share. */
#ifndef LANEWARD_STORAGE_INSIDE_H
#define LANEWARD_STORAGE_INSIDE_H

#include "storage/database.h"
#include "storage/store.h"

struct store {
    struct database *database;
    enum binding_kind binding;
};

#endif
