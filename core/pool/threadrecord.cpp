// SPDX-License-Identifier: Apache-2.0
#include "core/pool/threadrecord.h"

#include <exception>
#include <new>

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace poolscope::detail {

// False while static objects are still being made: then the other way is taken, which is right too.
const bool fences_from_afar =
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0) == 0;

void fence_all_threads() noexcept
{
    if (fences_from_afar)
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0);
}

constinit thread_local ThreadRecord* thread_record = nullptr;

namespace {

std::atomic<ThreadRecord*> all_records{nullptr};

void end_thread(void* value)
{
    auto& record = *static_cast<ThreadRecord*>(value);
    thread_record = nullptr;
    record.hints = {};
    record.taken.store(false, std::memory_order_release);
}

/// A key of the thread library: its destructor runs after those of all thread_local objects, and
/// those may still give connections back.
pthread_key_t thread_end_key()
{
    static const pthread_key_t key = [] {
        pthread_key_t made{};
        pthread_key_create(&made, end_thread);
        return made;
    }();
    return key;
}

} // namespace

ThreadRecord* ThreadRecord::first() noexcept
{
    return all_records.load(std::memory_order_acquire);
}

ThreadRecord& ThreadRecord::take() noexcept
{
    for (ThreadRecord* record = first(); record; record = record->next) {
        if (!record->taken.load(std::memory_order_relaxed) &&
            !record->taken.exchange(true, std::memory_order_acq_rel))
            return *record;
    }
    auto* const fresh = new (std::nothrow) ThreadRecord;
    if (!fresh)
        std::terminate(); // as where there is no memory for the thread itself
    fresh->taken.store(true, std::memory_order_relaxed);
    fresh->next = all_records.load(std::memory_order_relaxed);
    while (!all_records.compare_exchange_weak(fresh->next, fresh, std::memory_order_acq_rel))
        ;
    return *fresh;
}

ThreadRecord& ThreadRecord::attach() noexcept
{
    ThreadRecord& record = take();
    record.thread = static_cast<std::uint64_t>(syscall(SYS_gettid));
    record.random +=
        record.thread * 0x9E3779B97F4A7C15U ^ static_cast<std::uint64_t>(now_ticks().value);
    pthread_setspecific(thread_end_key(), &record);
    thread_record = &record;
    return record;
}

} // namespace poolscope::detail
