// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/fiber.h"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define POOLSCOPE_FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOLSCOPE_FIBER_ASAN 1
#endif
#endif
#ifdef POOLSCOPE_FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace poolscope {

namespace {

/// A TLS handshake and a library loaded on the way are the deepest that runs there. Only pages that
/// are touched take memory.
constexpr std::size_t fiber_stack_bytes = std::size_t{512} * 1024;

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local Fiber* running_fiber = nullptr;

std::size_t page_bytes()
{
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

struct Fiber::Contexts
{
    Contexts()
        : base(::mmap(nullptr, fiber_stack_bytes + page_bytes(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0))
    {
        if (base == MAP_FAILED)
            throw std::bad_alloc();
        // Running over the stack's end must not hit what lies below.
        ::mprotect(base, page_bytes(), PROT_NONE);
        stack = static_cast<char*>(base) + page_bytes();
    }
    ~Contexts() { ::munmap(base, fiber_stack_bytes + page_bytes()); }
    Contexts(const Contexts&) = delete;
    Contexts& operator=(const Contexts&) = delete;

    void* base;
    char* stack = nullptr;
    ucontext_t outside{};
    ucontext_t inside{};
    Fiber* outer = nullptr;
#ifdef POOLSCOPE_FIBER_ASAN
    const void* outsideStack = nullptr;
    std::size_t outsideSize = 0;
    void* outsideFake = nullptr;
    void* insideFake = nullptr;
#endif
};

Fiber::Fiber() = default;
Fiber::~Fiber() = default;

Fiber* Fiber::current()
{
    return running_fiber;
}

void Fiber::entry()
{
    Fiber* const self = running_fiber;
    Contexts& c = *self->contexts_;
#ifdef POOLSCOPE_FIBER_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &c.outsideStack, &c.outsideSize);
#endif
    self->work_();
    self->running_ = false;
#ifdef POOLSCOPE_FIBER_ASAN
    __sanitizer_start_switch_fiber(nullptr, c.outsideStack, c.outsideSize);
#endif
    ::setcontext(&c.outside);
}

void Fiber::start(std::function<void()> work)
{
    if (!contexts_)
        contexts_ = std::make_unique<Contexts>();
    work_ = std::move(work);
    Contexts& c = *contexts_;
    ::getcontext(&c.inside);
    c.inside.uc_stack.ss_sp = c.stack;
    c.inside.uc_stack.ss_size = fiber_stack_bytes;
    c.inside.uc_link = nullptr;
    ::makecontext(&c.inside, &Fiber::entry, 0);
    running_ = true;
    enter();
}

void Fiber::resume()
{
    if (running_)
        enter();
}

void Fiber::enter()
{
    Contexts& c = *contexts_;
    c.outer = std::exchange(running_fiber, this);
#ifdef POOLSCOPE_FIBER_ASAN
    __sanitizer_start_switch_fiber(&c.outsideFake, c.stack, fiber_stack_bytes);
#endif
    ::swapcontext(&c.outside, &c.inside);
#ifdef POOLSCOPE_FIBER_ASAN
    __sanitizer_finish_switch_fiber(c.outsideFake, nullptr, nullptr);
#endif
    running_fiber = c.outer;
    if (!running_)
        work_ = nullptr;
}

void Fiber::suspend()
{
    Contexts& c = *contexts_;
#ifdef POOLSCOPE_FIBER_ASAN
    __sanitizer_start_switch_fiber(&c.insideFake, c.outsideStack, c.outsideSize);
#endif
    ::swapcontext(&c.inside, &c.outside);
#ifdef POOLSCOPE_FIBER_ASAN
    __sanitizer_finish_switch_fiber(c.insideFake, &c.outsideStack, &c.outsideSize);
#endif
}

} // namespace poolscope
