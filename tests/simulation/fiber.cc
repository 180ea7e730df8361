#include "tests/simulation/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

// AddressSanitizer is told of each change of stacks.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#else
namespace {
void __sanitizer_start_switch_fiber(void**, const void*, size_t) {}
void __sanitizer_finish_switch_fiber(void*, const void**, size_t*) {}
}  // namespace
#endif

namespace fieldgate::simulation {
namespace {

Fiber* current = nullptr;
// Of the thread's own stack.
const void* main_bottom = nullptr;
size_t main_size = 0;

constexpr size_t kGuard = 4096;

}  // namespace

StackPool::~StackPool() {
  for (void* stack : free_) munmap(static_cast<char*>(stack) - kGuard, kSize + kGuard);
}

void* StackPool::Take() {
  if (!free_.empty()) {
    void* stack = free_.back();
    free_.pop_back();
    return stack;
  }
  void* memory = mmap(nullptr, kSize + kGuard, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) abort();
  mprotect(memory, kGuard, PROT_NONE);
  return static_cast<char*>(memory) + kGuard;
}

Fiber::Fiber(StackPool& pool, std::function<void()> body) : pool_(pool), body_(std::move(body)) {}

Fiber::~Fiber() {
  if (stack_ != nullptr) pool_.Return(stack_);
}

Fiber* Fiber::Current() { return current; }

void Fiber::Enter(unsigned high, unsigned low) {
  auto* self =
      reinterpret_cast<Fiber*>((static_cast<uintptr_t>(high) << 32) | static_cast<uintptr_t>(low));
  __sanitizer_finish_switch_fiber(nullptr, &main_bottom, &main_size);
  self->body_();
  self->body_ = nullptr;  // what it holds goes in its own time
  self->ended_ = true;
  current = nullptr;
  __sanitizer_start_switch_fiber(nullptr, main_bottom, main_size);
  swapcontext(&self->context_, &self->resumer_);
  abort();  // an ended fiber is not resumed
}

void Fiber::Resume() {
  if (current != nullptr || ended_) abort();
  current = this;
  void* fake_stack = nullptr;
  if (stack_ == nullptr) {
    stack_ = pool_.Take();
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_;
    context_.uc_stack.ss_size = StackPool::kSize;
    context_.uc_link = nullptr;
    const auto address = reinterpret_cast<uintptr_t>(this);
    makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2,
                static_cast<unsigned>(address >> 32), static_cast<unsigned>(address & 0xffffffffu));
  }
  __sanitizer_start_switch_fiber(&fake_stack, stack_, StackPool::kSize);
  swapcontext(&resumer_, &context_);
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
  if (ended_) pool_.Return(std::exchange(stack_, nullptr));
}

void Fiber::Yield() {
  Fiber* self = current;
  if (self == nullptr) abort();
  current = nullptr;
  __sanitizer_start_switch_fiber(&self->fake_stack_, main_bottom, main_size);
  swapcontext(&self->context_, &self->resumer_);
  __sanitizer_finish_switch_fiber(self->fake_stack_, &main_bottom, &main_size);
}

}  // namespace fieldgate::simulation
