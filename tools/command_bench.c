/* laneward bench: accuracy and time on labelled pictures. */
#include <stdio.h>
#include "tools/command.h"
int command_bench(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 2;
}
