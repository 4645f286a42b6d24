// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/stringhash.h"

#include <atomic>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace poolscope {

/// An immutable, shared piece of text, or "not reported" (null). Copying costs a reference count,
/// so that values with many repeated names and statements can cross threads cheaply; it is as wide
/// as a pointer, as there are many in what is kept. A null text and an empty text are different:
/// the first was not reported, the second was. Copies may be made and dropped on any thread.
class Text
{
public:
    Text() = default;
    explicit Text(std::string text)
        : shared_(make(std::move(text)))
    {}
    Text(const Text& other) noexcept
        : shared_(other.shared_)
    {
        if (shared_ != nullptr)
            shared_->holders.fetch_add(1, std::memory_order_relaxed);
    }
    Text(Text&& other) noexcept
        : shared_(std::exchange(other.shared_, nullptr))
    {}
    Text& operator=(const Text& other) noexcept
    {
        Text(other).swap(*this);
        return *this;
    }
    Text& operator=(Text&& other) noexcept
    {
        Text(std::move(other)).swap(*this);
        return *this;
    }
    ~Text()
    {
        // The last holder sees what all others did before they left.
        if (shared_ != nullptr && shared_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1)
            drop(shared_);
    }
    void swap(Text& other) noexcept { std::swap(shared_, other.shared_); }

    bool is_null() const { return shared_ == nullptr; }
    bool empty() const { return shared_ == nullptr || shared_->text.empty(); }
    /// Empty where null.
    const std::string& str() const;

    friend bool operator==(const Text& a, const Text& b)
    {
        return a.shared_ == b.shared_ ||
               (a.shared_ != nullptr && b.shared_ != nullptr && a.shared_->text == b.shared_->text);
    }
    friend bool operator<(const Text& a, const Text& b) { return a.str() < b.str(); }
    /// How many hold this text; 0 where null.
    long use_count() const
    {
        return shared_ != nullptr ? shared_->holders.load(std::memory_order_relaxed) : 0;
    }
    /// Address of the shared string: equal for texts of one TextPool that are equal.
    const void* identity() const { return shared_; }

private:
    struct Shared
    {
        std::atomic<long> holders{1};
        std::string text;
    };
    static Shared* make(std::string text);
    static void drop(Shared* shared) noexcept;

    Shared* shared_ = nullptr;
};

/// Gives one Text for equal strings. Not thread-safe; one a source or reader. Forgets texts that
/// nobody holds once the table has doubled since the last time.
class TextPool
{
public:
    Text intern(std::string_view text);
    std::size_t size() const { return texts_.size(); }

private:
    struct Hash
    {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return StringHash{}(text); }
        std::size_t operator()(const Text& text) const { return StringHash{}(text.str()); }
    };
    struct Equal
    {
        using is_transparent = void;
        bool operator()(const Text& a, const Text& b) const { return a == b; }
        bool operator()(std::string_view a, const Text& b) const { return a == b.str(); }
        bool operator()(const Text& a, std::string_view b) const { return a.str() == b; }
    };
    std::unordered_set<Text, Hash, Equal> texts_;
    std::size_t sweep_at_ = 4096;
};

/// What may be shown or kept of a text from outside: valid UTF-8 (bad bytes become U+FFFD), at most
/// max_bytes (cut at a character, with "…" added), and no control characters but newline and tab,
/// no bidirectional controls, no zero-width characters: each of those is replaced by U+FFFD.
std::string plain_text(std::string_view untrusted, std::size_t max_bytes);

/// The same on one line: newlines and tabs become spaces.
std::string plain_line(std::string_view untrusted, std::size_t max_bytes);

} // namespace poolscope
