/* baseline_publish URL TOPIC BYTES WINDOW SECONDS: publishes messages of BYTES
 * with QoS 1, at most WINDOW unacknowledged, and prints how many a second.
 * Nothing is kept: the rate that Debian's Paho C itself has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/baseline_mqtt.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: baseline_publish URL TOPIC BYTES WINDOW SECONDS\n");
    return 2;
  }
  const int bytes = atoi(argv[3]), window = atoi(argv[4]);
  const double seconds = atof(argv[5]);
  char* payload = malloc((size_t)bytes);
  memset(payload, 'x', (size_t)bytes);

  struct publisher publisher;
  publisher_connect(&publisher, argv[1], argv[2], window);
  const double start = now();
  int count = 0;
  for (; now() - start < seconds; ++count) publisher_send(&publisher, payload, bytes);
  publisher_drain(&publisher, window);
  printf("%.1f\n", count / (now() - start));
  free(payload);
  return 0;
}
