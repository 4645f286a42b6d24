// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace poolscope {

/// What went wrong, for a person: a sentence, and what to try next (may be empty).
struct Error
{
    std::string sentence;
    std::string next_step;
    friend bool operator==(const Error&, const Error&) = default;
};

/// A value or an Error. Asking for the one that is not there throws std::bad_variant_access.
template <class T>
class Result
{
public:
    Result(T value)
        : content_(std::in_place_index<0>, std::move(value))
    {}
    Result(Error error)
        : content_(std::in_place_index<1>, std::move(error))
    {}

    explicit operator bool() const { return content_.index() == 0; }
    const T& value() const& { return std::get<0>(content_); }
    T& value() & { return std::get<0>(content_); }
    T&& value() && { return std::get<0>(std::move(content_)); }
    const Error& error() const { return std::get<1>(content_); }

private:
    std::variant<T, Error> content_;
};

/// For what only succeeds or fails.
struct Done
{
    friend bool operator==(Done, Done) = default;
};

} // namespace poolscope
