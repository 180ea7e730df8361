#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace fieldgate::simulation {

// Memory for the stacks of fibers, used again and again.
class StackPool {
 public:
  // What Xerces, SQLite and protobuf need together, with room.
  static constexpr size_t kSize = 512 << 10;

  ~StackPool();
  void* Take();
  void Return(void* stack) { free_.push_back(stack); }

 private:
  std::vector<void*> free_;
};

// A stack of its own: runs until it yields or ends, and then goes on where it
// was. All on one thread of the machine.
class Fiber {
 public:
  Fiber(StackPool& pool, std::function<void()> body);
  // Ended, or never begun.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs it until it yields or ends. Not from within a fiber.
  void Resume();
  bool ended() const { return ended_; }

  // The one that runs; nullptr outside of all.
  static Fiber* Current();
  // Back to who resumed it. From within a fiber.
  static void Yield();

 private:
  static void Enter(unsigned high, unsigned low);

  StackPool& pool_;
  std::function<void()> body_;
  void* stack_ = nullptr;
  ucontext_t context_;
  ucontext_t resumer_;
  bool ended_ = false;
  // Of AddressSanitizer.
  void* fake_stack_ = nullptr;
};

}  // namespace fieldgate::simulation
