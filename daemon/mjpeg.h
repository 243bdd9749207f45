/* A camera that sends JPEGs one after the other in one HTTP answer (multipart/x-mixed-replace). */
#ifndef LANEWARD_DAEMON_MJPEG_H
#define LANEWARD_DAEMON_MJPEG_H

/* Before rights are given up: looks up the host's name, which needs files and servers that a capture may not reach. A
 * name without an answer is tried again when the role is next started. */
void mjpeg_prepare(const char *address);

#endif
