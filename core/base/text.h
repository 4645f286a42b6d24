// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace poolscope {

/// An immutable, shared piece of text, or "not reported" (null). Copying costs a reference count,
/// so that values with many repeated names and statements can cross threads cheaply. A null text
/// and an empty text are different: the first was not reported, the second was.
class Text
{
public:
    Text() = default;
    explicit Text(std::string text)
        : shared_(std::make_shared<const std::string>(std::move(text)))
    {}

    bool is_null() const { return !shared_; }
    bool empty() const { return !shared_ || shared_->empty(); }
    /// Empty where null.
    const std::string& str() const;

    friend bool operator==(const Text& a, const Text& b)
    {
        return a.shared_ == b.shared_ || (a.shared_ && b.shared_ && *a.shared_ == *b.shared_);
    }
    friend bool operator<(const Text& a, const Text& b) { return a.str() < b.str(); }
    /// How many hold this text; 0 where null.
    long use_count() const { return shared_.use_count(); }
    /// Address of the shared string: equal for texts of one TextPool that are equal.
    const void* identity() const { return shared_.get(); }

private:
    std::shared_ptr<const std::string> shared_;
};

/// Gives one Text for equal strings. Not thread-safe; one a source or reader. Forgets texts that
/// nobody holds once the table has doubled since the last time.
class TextPool
{
public:
    Text intern(std::string_view text);
    std::size_t size() const { return texts_.size(); }

private:
    std::unordered_map<std::string_view, Text> texts_;
    std::size_t sweep_at_ = 4096;
};

/// What may be shown or kept of a text from outside: valid UTF-8 (bad bytes become U+FFFD), at most
/// max_bytes (cut at a character, with "…" added), and no control characters but newline and tab,
/// no bidirectional controls, no zero-width characters: each of those is replaced by U+FFFD.
std::string plain_text(std::string_view untrusted, std::size_t max_bytes);

/// The same on one line: newlines and tabs become spaces.
std::string plain_line(std::string_view untrusted, std::size_t max_bytes);

} // namespace poolscope
