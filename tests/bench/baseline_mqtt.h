#pragma once

#include <MQTTAsync.h>
#include <semaphore.h>

/* What the baselines need of Debian's Paho C: QoS 1 with a bounded number of
 * messages in flight, and nothing else. Failures end the program. */
struct publisher {
  MQTTAsync client;
  const char* topic;
  sem_t window; /* one for each message that may still be put in flight */
};

void publisher_connect(struct publisher* p, const char* url, const char* topic, int window);

/* Waits for room in the window, then sends. */
void publisher_send(struct publisher* p, const char* payload, int length);

/* Waits until everything is acknowledged. */
void publisher_drain(struct publisher* p, int window);
