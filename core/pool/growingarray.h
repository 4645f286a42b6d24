// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace poolscope::detail {

/// Room for `size` elements at one address for good, of which the first ones exist. What does not
/// exist yet has addresses alone: the system gives it memory when it is first touched. So an
/// element is found by its index, as in an array, and the most there could be costs next to
/// nothing.
///
/// One thread at a time lets it grow; whoever uses an element has learnt from that one that it is.
template <class T>
class GrowingArray
{
public:
    /// Throws std::bad_alloc.
    explicit GrowingArray(std::size_t size)
        : elements_(std::allocator<T>().allocate(size))
        , size_(size)
    {}
    ~GrowingArray()
    {
        std::destroy_n(elements_, made_);
        std::allocator<T>().deallocate(elements_, size_);
    }
    GrowingArray(const GrowingArray&) = delete;
    GrowingArray& operator=(const GrowingArray&) = delete;

    T& operator[](std::size_t index) const noexcept { return elements_[index]; }
    /// The first `count` exist from now on, `size` at most.
    void grow_to(std::size_t count) noexcept
    {
        static_assert(std::is_nothrow_default_constructible_v<T>);
        for (; made_ < count; ++made_)
            std::construct_at(elements_ + made_);
    }

private:
    T* const elements_;
    const std::size_t size_;
    std::size_t made_ = 0;
};

} // namespace poolscope::detail
