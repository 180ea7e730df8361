/* baseline_loop MODBUS_PORT URL TOPIC POLL_MS: what the whole gateway is
 * measured against. One thread reads 1,000 holding registers in 8 requests and
 * the device's clock in another, at a fixed rate, formats the same body and
 * publishes it with QoS 1. Nothing is
 * configurable, supervised, kept or sent again. Ends with SIGTERM, and prints how
 * many cycles began late since those of the start. */
#include <errno.h>
#include <modbus.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/baseline_mqtt.h"

enum { REGISTERS = 1000, BLOCK = 125, WINDOW = 50, BODY = 128 * 1024, START = 20 };
/* Unix time in microseconds, the most significant register first. */
enum { CLOCK_ADDRESS = 30000, CLOCK_REGISTERS = 4 };

static volatile sig_atomic_t stop = 0;

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

static int format(char* body, const uint16_t* registers, const uint16_t* clock_registers,
                  long long message_id) {
  int n = sprintf(body,
                  "{\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<message_id _=\"%lld\"/>\n"
                  "<timestamp _=\"%lld\"/>\n<controllers><Process_Bus1_Device1><sensors>",
                  message_id, (long long)time(NULL));
  for (int i = 0; i < REGISTERS; ++i) {
    n += sprintf(body + n, "<DP%d _=\"%u\" state=\"1\"/>", i, registers[i]);
  }
  uint64_t clock = 0;
  for (int i = 0; i < CLOCK_REGISTERS; ++i) clock = clock << 16 | clock_registers[i];
  n += sprintf(body + n, "<Clock _=\"%llu\" state=\"1\"/>", (unsigned long long)clock);
  return n + sprintf(body + n, "</sensors></Process_Bus1_Device1></controllers>\n}");
}

static void read_registers(modbus_t* modbus, int address, int count, uint16_t* to) {
  if (modbus_read_registers(modbus, address, count, to) == count) return;
  fprintf(stderr, "baseline_loop: read: %s\n", modbus_strerror(errno));
  exit(1);
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: baseline_loop MODBUS_PORT URL TOPIC POLL_MS\n");
    return 2;
  }
  const struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  const long period_ns = atol(argv[4]) * 1000000L;

  modbus_t* modbus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
  if (modbus == NULL || modbus_set_slave(modbus, 1) != 0 || modbus_connect(modbus) != 0) {
    fprintf(stderr, "baseline_loop: modbus: %s\n", modbus_strerror(errno));
    return 1;
  }
  struct publisher publisher;
  publisher_connect(&publisher, argv[2], argv[3], WINDOW);

  static char body[BODY];
  uint16_t registers[REGISTERS], clock_registers[CLOCK_REGISTERS];
  struct timespec due;
  clock_gettime(CLOCK_MONOTONIC, &due);
  long long late = 0;
  for (long long message_id = 1; !stop; ++message_id) {
    for (int i = 0; i < REGISTERS; i += BLOCK) read_registers(modbus, i, BLOCK, registers + i);
    read_registers(modbus, CLOCK_ADDRESS, CLOCK_REGISTERS, clock_registers);
    publisher_send(&publisher, body, format(body, registers, clock_registers, message_id));
    due.tv_nsec += period_ns;
    due.tv_sec += due.tv_nsec / 1000000000L;
    due.tv_nsec %= 1000000000L;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int is_late =
        now.tv_sec > due.tv_sec || (now.tv_sec == due.tv_sec && now.tv_nsec > due.tv_nsec);
    if (is_late && message_id > START) ++late;
    while (!stop && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
    }
  }
  printf("%lld\n", late);
  return 0;
}
