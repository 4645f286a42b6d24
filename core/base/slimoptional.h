// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/time.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

namespace poolscope {

/// An instant, a duration or a number, or none, in eight bytes in the place of sixteen: for what is
/// kept a hundred thousand times. The least value there is stands for none, so that it cannot be
/// told from none; nothing on the wire is as small. Reads as a std::optional does.
template <class T>
class SlimOptional
{
public:
    constexpr SlimOptional() = default;
    constexpr SlimOptional(std::nullopt_t /*none*/) {}
    constexpr SlimOptional(T value)
        : value_(value)
    {}
    /// Also from what a T is made of without loss, as 5s is.
    template <class U>
    requires std::is_convertible_v<U, T>
    constexpr SlimOptional(const U& value)
        : value_(value)
    {}
    constexpr SlimOptional(const std::optional<T>& value)
        : value_(value.value_or(none()))
    {}

    constexpr bool has_value() const { return value_ != none(); }
    constexpr explicit operator bool() const { return has_value(); }
    constexpr const T& operator*() const { return value_; }
    constexpr const T* operator->() const { return &value_; }
    /// Throws std::bad_optional_access where there is none.
    constexpr T value() const { return std::optional<T>(*this).value(); }
    constexpr T value_or(T otherwise) const { return has_value() ? value_ : otherwise; }
    constexpr void reset() { value_ = none(); }
    constexpr operator std::optional<T>() const
    {
        return has_value() ? std::optional<T>(std::in_place, value_) : std::nullopt;
    }
    friend constexpr bool operator==(const SlimOptional&, const SlimOptional&) = default;
    /// Beside std::optional's own comparison with a value, which would find none unlike none.
    friend constexpr bool operator==(const SlimOptional& a, const std::optional<T>& b)
    {
        return a == SlimOptional(b);
    }
    template <class U>
    requires std::is_convertible_v<const U&, T>
    friend constexpr bool operator==(const SlimOptional& a, const U& b)
    {
        return a.has_value() && a.value_ == T(b);
    }
    friend constexpr bool operator==(const SlimOptional& a, std::nullopt_t /*none*/)
    {
        return !a.has_value();
    }

private:
    static constexpr T none()
    {
        if constexpr (std::is_integral_v<T>)
            return std::numeric_limits<T>::min();
        else
            return T::min();
    }
    T value_ = none();
};

} // namespace poolscope
