#pragma once

#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>

// What the stream's two processes share besides the stream.
namespace fieldgate::bench {

// Whose turn it is. Either the maker of batches waits for the reader to have
// read the one before, so that each batch wakes everybody up, as the polls of a
// slow device do; or both run freely, and what counts is the work.
class Turns {
 public:
  explicit Turns(bool in_turn) : in_turn_(in_turn) { sem_init(&wanted_, /*pshared=*/1, 1); }

  bool in_turn() const { return in_turn_; }
  // The reader's: a batch was read.
  void Want() {
    if (in_turn_) sem_post(&wanted_);
  }
  // The maker's: waits until a batch is wanted.
  void Await() {
    while (in_turn_ && sem_wait(&wanted_) != 0) {
    }
  }

  // CPU that the maker used for what is no part of the stream.
  std::atomic<int64_t> excluded_cpu_ns = 0;

 private:
  const bool in_turn_;
  sem_t wanted_;
};

// Maps the Turns in the file at `path`. Nullptr on failure. Stays mapped.
inline void* MapTurns(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(Turns)) != 0) return nullptr;
  void* memory = mmap(nullptr, sizeof(Turns), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace fieldgate::bench
