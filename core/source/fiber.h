// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace poolscope {

/// Runs a call that would wait on a stack of its own, so that whoever started it goes on while it
/// waits. For libraries that block but tell a hook of ours before they do. One thread only; no
/// exception may leave the work.
class Fiber
{
public:
    Fiber();
    /// The work must have ended.
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// Runs until the work ends or suspends. Only while none is running.
    void start(std::function<void()> work);
    /// Goes on where the work suspended, until it ends or suspends again.
    void resume();
    bool running() const { return running_; }

    /// The one whose work calls this; null outside of any.
    static Fiber* current();
    /// From within the work: back to whoever started or resumed it.
    void suspend();

private:
    struct Contexts;
    static void entry();
    void enter();

    std::unique_ptr<Contexts> contexts_;
    std::function<void()> work_;
    bool running_ = false;
};

} // namespace poolscope
