// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/slimoptional.h"
#include "core/base/text.h"
#include "core/base/time.h"
#include "core/model/pool.h"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace poolscope {

/// Writes JSON, keys in the order in which they are given.
class JsonWriter
{
public:
    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }
    void key(std::string_view name);

    void null() { raw("null"); }
    void value(std::string_view text);
    void value(const char* text) { value(std::string_view{text}); }
    void value(bool yes) { raw(yes ? "true" : "false"); }
    template <std::integral T>
    requires(!std::same_as<T, bool>) void value(T number) { raw(std::to_string(number)); }
    /// As short as it reads back the same; what is no number is null.
    void value(double number);
    void value(Timestamp time) { value(std::string_view{format_iso8601(time)}); }
    void value(Duration duration) { raw(std::to_string(to_us(duration))); }
    void value(const Text& text);
    template <class T>
    void value(const std::optional<T>& maybe)
    {
        if (maybe)
            value(*maybe);
        else
            null();
    }
    template <class T>
    void value(const SlimOptional<T>& maybe)
    {
        value(std::optional<T>(maybe));
    }
    void value(std::nullopt_t) { null(); }

    template <class T>
    void member(std::string_view name, const T& content)
    {
        key(name);
        value(content);
    }

    const std::string& text() const { return out_; }

private:
    void open(char bracket);
    void close(char bracket);
    void raw(std::string_view text);
    void separate();

    std::string out_;
    bool comma_ = false;
};

/// The member "stack"; null for none.
void write_stack(JsonWriter& json, const StackRef& stack);

} // namespace poolscope
