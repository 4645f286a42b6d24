// SPDX-License-Identifier: Apache-2.0
#include "core/stack/capture.h"

#include "core/stack/modules.h"

#include <algorithm>
#include <pthread.h>
#include <sys/auxv.h>
#include <unwind.h>

/// Reads other functions' frames, on purpose.
#define POOLSCOPE_UNCHECKED __attribute__((no_sanitize("address", "thread")))

namespace poolscope {

namespace {

StackLimits ask_for_limits() noexcept
{
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return {};
    void* low = nullptr;
    std::size_t size = 0;
    const bool known = pthread_attr_getstack(&attributes, &low, &size) == 0;
    pthread_attr_destroy(&attributes);
    const auto from = reinterpret_cast<std::uintptr_t>(low);
    return known ? StackLimits{from, from + size} : StackLimits{};
}

struct CachedLimits
{
    StackLimits limits;
    bool known = false;
    std::uint32_t until_look = 1; ///< trusted captures of this thread until one is compared again
    std::uint32_t random = 0;
};
constinit thread_local CachedLimits cached_limits;

/// A return address as the processor jumps to it, without arm64's signature.
inline std::uintptr_t plain_address(std::uintptr_t address) noexcept
{
#if defined(__aarch64__)
    register std::uintptr_t link asm("x30") = address;
    asm("hint #7" : "+r"(link)); // xpaclri
    return link;
#else
    return address;
#endif
}

/// The layout that the ABIs of x86-64 and arm64 give a frame: the saved frame pointer, then the
/// return address. A link must lead upwards, inside the stack: what is no chain ends here.
template <class Out>
POOLSCOPE_UNCHECKED inline std::size_t walk(std::uintptr_t frame, std::uintptr_t high, Out* out,
                                            std::size_t most) noexcept
{
    constexpr std::uintptr_t pair = 2 * sizeof(std::uintptr_t);
    const std::uintptr_t last = high - pair;
    std::size_t count = 0;
    while (count < most) {
        const auto* link = reinterpret_cast<const std::uintptr_t*>(frame);
        const std::uintptr_t address = link[1];
        if (address < 4096)
            break;
        if constexpr (std::is_same_v<Out, std::uintptr_t>)
            out[count++] = plain_address(address);
        else
            out[count++].store(plain_address(address), std::memory_order_relaxed);
        const std::uintptr_t next = link[0];
        if (next <= frame || next > last || next % alignof(std::uintptr_t) != 0)
            break;
        frame = next;
    }
    return count;
}

struct Unwinding
{
    std::uintptr_t first = 0; ///< nothing is kept before this address was seen
    Addresses* out = nullptr;
    bool found = false;
};

_Unwind_Reason_Code unwound(_Unwind_Context* context, void* state)
{
    auto& unwinding = *static_cast<Unwinding*>(state);
    const std::uintptr_t address = _Unwind_GetIP(context);
    if (address == 0)
        return _URC_END_OF_STACK;
    unwinding.found = unwinding.found || address == unwinding.first;
    if (!unwinding.found)
        return _URC_NO_REASON;
    Addresses& out = *unwinding.out;
    out.values[out.count++] = address;
    return out.count == out.values.size() ? _URC_END_OF_STACK : _URC_NO_REASON;
}

Addresses unwind_from(std::uintptr_t first) noexcept
{
    Addresses out;
    Unwinding unwinding{first, &out, false};
    _Unwind_Backtrace(unwound, &unwinding);
    return out;
}

/// The program's entry has an unwind table, but is nobody's caller.
bool is_entry(std::uintptr_t address)
{
    static const std::uintptr_t entry = getauxval(AT_ENTRY);
    return address >= entry && address < entry + 64;
}

enum class Verdict : std::uint8_t { suffices, fails, unknown };

/// Whether the chain shows all frames of the application that the unwinder shows, in order. Of one
/// frame nothing follows: it is where both begin.
Verdict verdict_on(const Addresses& chain, const Addresses& truth)
{
    std::size_t at = 0;
    std::size_t own = 0;
    for (const std::uintptr_t address : truth.view()) {
        if (is_entry(address) || !Modules::process().is_own(address))
            continue;
        while (at < chain.count && chain.values[at] != address)
            ++at;
        if (at == chain.count) {
            if (truth.count == truth.values.size() && chain.count == chain.values.size())
                break;
            return Verdict::fails;
        }
        ++at;
        ++own;
    }
    return own >= 2 ? Verdict::suffices : Verdict::unknown;
}

/// Places of capture and what was found to work there: the return address, and above what an
/// address can have one bit for "unwound", and how many captures are still to be compared before
/// the chain is trusted: those who call from there may be built in different ways. A slot that two
/// places share is decided anew as they alternate, which is slow but right; there are 4 slots to
/// choose from.
constexpr std::size_t site_count = 4096;
constexpr std::uintptr_t unwinder_bit = std::uintptr_t{1} << 63U;
constexpr std::uintptr_t one_look = std::uintptr_t{1} << 60U;
constexpr std::uintptr_t first_looks = 3;
constexpr std::uintptr_t site_mask = one_look - 1;
constexpr std::uint32_t looks_apart = 4096; ///< on average; a look costs as much as some 20 walks
std::array<std::atomic<std::uintptr_t>, site_count> sites{};

std::size_t first_site_slot(std::uintptr_t address)
{
    return (address * 0x9E3779B97F4A7C15U >> 50U) % (site_count / 4) * 4;
}

/// Compares both ways, and notes what follows for the next ones.
CaptureMethod decide(std::uintptr_t frame, std::uintptr_t high, std::uintptr_t site) noexcept
{
    Addresses chain;
    chain.count = walk(frame, high, chain.values.data(), chain.values.size());
    Verdict verdict = Verdict::unknown;
    try {
        verdict = verdict_on(chain, unwind_from(site));
    } catch (...) { // no memory to learn whose the frames are: unwound this time, decided another
        return CaptureMethod::unwinder;
    }
    const std::size_t slot = first_site_slot(site);
    std::size_t at = slot + (site >> 4U) % 4;
    for (std::size_t i = slot; i < slot + 4; ++i) {
        const std::uintptr_t there = sites[i].load(std::memory_order_relaxed);
        if (there == 0 || (there & site_mask) == site) {
            at = i;
            break;
        }
    }
    std::uintptr_t known = sites[at].load(std::memory_order_relaxed);
    for (;;) {
        std::uintptr_t looks = first_looks; // still to come
        if ((known & site_mask) == site) {
            if (known & unwinder_bit)
                return CaptureMethod::unwinder;
            looks = known / one_look;
            if (verdict == Verdict::suffices && looks > 0)
                --looks;
        }
        std::uintptr_t next = site | looks * one_look;
        if (verdict == Verdict::fails)
            next = site | unwinder_bit;
        if (next == known ||
            sites[at].compare_exchange_weak(known, next, std::memory_order_relaxed))
            break;
    }
    return verdict == Verdict::suffices ? CaptureMethod::frame_pointers : CaptureMethod::unwinder;
}

/// Now and then, by chance, so that nothing that an application does in turn is never met.
bool is_time_to_look(CachedLimits& cached) noexcept
{
    if (--cached.until_look != 0) [[likely]]
        return false;
    if (cached.random == 0)
        cached.random = static_cast<std::uint32_t>(cached.limits.high >> 12U) | 1U;
    cached.random = cached.random * 1'664'525U + 1'013'904'223U;
    cached.until_look = looks_apart / 2 + (cached.random >> 16U) % looks_apart;
    return true;
}

inline CaptureMethod method_at(std::uintptr_t frame, std::uintptr_t high,
                               std::uintptr_t site) noexcept
{
    const std::size_t slot = first_site_slot(site);
    for (std::size_t i = slot; i < slot + 4; ++i) {
        const std::uintptr_t known = sites[i].load(std::memory_order_relaxed);
        if (known == site)
            return is_time_to_look(cached_limits) ? decide(frame, high, site)
                                                  : CaptureMethod::frame_pointers;
        if (known == (site | unwinder_bit))
            return CaptureMethod::unwinder;
    }
    return decide(frame, high, site);
}

template <class Out>
POOLSCOPE_UNCHECKED inline std::size_t capture(const void* frame, Out* out, std::size_t room,
                                               CaptureMethod method) noexcept
{
    const std::size_t most = std::min(room, max_stack_depth);
    const auto from = reinterpret_cast<std::uintptr_t>(frame);
    const std::uintptr_t site = plain_address(static_cast<const std::uintptr_t*>(frame)[1]);
    const StackLimits limits = thread_stack_limits();
    if (from < limits.low || from >= limits.high)
        method = CaptureMethod::unwinder;
    else if (method == CaptureMethod::automatic)
        method = method_at(from, limits.high, site);
    if (method == CaptureMethod::frame_pointers)
        return walk(from, limits.high, out, most);
    const Addresses found = unwind_from(site);
    const std::size_t count = std::min(found.count, most);
    for (std::size_t i = 0; i < count; ++i) {
        if constexpr (std::is_same_v<Out, std::uintptr_t>)
            out[i] = found.values[i];
        else
            out[i].store(found.values[i], std::memory_order_relaxed);
    }
    return count;
}

} // namespace

StackLimits thread_stack_limits() noexcept
{
    CachedLimits& cached = cached_limits;
    if (!cached.known) [[unlikely]] {
        cached.limits = ask_for_limits();
        cached.known = true;
    }
    return cached.limits;
}

std::size_t capture_stack(const void* frame, AddressSlots out, CaptureMethod method) noexcept
{
    return capture(frame, out.data(), out.size(), method);
}

Addresses capture_here(CaptureMethod method) noexcept
{
    Addresses out;
    out.count = capture(__builtin_frame_address(0), out.values.data(), out.values.size(), method);
    return out;
}

} // namespace poolscope
