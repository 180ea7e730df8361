#include "tests/bench/baseline_mqtt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void fail(const char* what, int code) {
  fprintf(stderr, "baseline: %s: %d\n", what, code);
  exit(1);
}

static void wait_for(sem_t* semaphore) {
  while (sem_wait(semaphore) != 0 && errno == EINTR) {
  }
}

static void on_connected(void* context, MQTTAsync_successData* data) {
  (void)data;
  sem_post(context);
}

static void on_acknowledged(void* context, MQTTAsync_successData* data) {
  (void)data;
  sem_post(context);
}

static void on_failure(void* context, MQTTAsync_failureData* data) {
  (void)context;
  fail("MQTT", data != NULL ? data->code : 0);
}

void publisher_connect(struct publisher* p, const char* url, const char* topic, int window) {
  p->topic = topic;
  sem_init(&p->window, 0, 0);
  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
  create.maxBufferedMessages = 2 * window;
  int code = MQTTAsync_createWithOptions(&p->client, url, "baseline", MQTTCLIENT_PERSISTENCE_NONE,
                                         NULL, &create);
  if (code != MQTTASYNC_SUCCESS) fail("create", code);
  MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer;
  connect.maxInflight = 2 * window;
  connect.onSuccess = on_connected;
  connect.onFailure = on_failure;
  connect.context = &p->window;
  code = MQTTAsync_connect(p->client, &connect);
  if (code != MQTTASYNC_SUCCESS) fail("connect", code);
  wait_for(&p->window);
  for (int i = 0; i < window; ++i) sem_post(&p->window);
}

void publisher_send(struct publisher* p, const char* payload, int length) {
  wait_for(&p->window);
  MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
  response.onSuccess = on_acknowledged;
  response.onFailure = on_failure;
  response.context = &p->window;
  const int code = MQTTAsync_send(p->client, p->topic, length, payload, 1, 0, &response);
  if (code != MQTTASYNC_SUCCESS) fail("send", code);
}

void publisher_drain(struct publisher* p, int window) {
  for (int i = 0; i < window; ++i) wait_for(&p->window);
}
