#pragma once

// What a test does to a program that was started with fault_shim.so preloaded:
// through a file that both map, named by FAULT_SHIM in its environment.
#ifdef __cplusplus
extern "C" {
#endif

struct FaultControl {
  // Added to the wall clock, in seconds.
  volatile long clock_offset;
  // errno of what writes to a database or its journal; 0: none.
  volatile int write_error;
  // How often it was given: that the fault was met.
  volatile int failed_writes;
};

#ifdef __cplusplus
}
#endif
