// SPDX-License-Identifier: Apache-2.0
// The part of LineReader that reads lists and objects inside a line.
#include "core/wire/limits.h"
#include "core/wire/linereader.h"

namespace poolscope::wire {

bool LineReader::special(Key key)
{
    const char wanted = key == Key::frames || key == Key::can || key == Key::pools ? '[' : '{';
    if (here() != wanted)
        return odd();
    fields_.mark(key);
    switch (key) {
    case Key::frames:
        return frames();
    case Key::tags:
        fields_.tags.clear();
        return pairs(fields_.tags, 0, max_tags, max_tag_name, max_tag_value);
    case Key::can:
        return abilities();
    case Key::pools:
        return pools();
    case Key::wait_time:
        return figures(fields_.figures[0]);
    case Key::use_time:
        return figures(fields_.figures[1]);
    default:
        return figures(fields_.figures[2]);
    }
}

bool LineReader::frames()
{
    fields_.frames.clear();
    return array([this] {
        if (fields_.frames.size() == max_frames) {
            ++figures_.clipped;
            return more() && skip();
        }
        if (here() != '{')
            return odd();
        FrameView& frame = fields_.frames.emplace_back();
        return object([&](std::string_view name) {
            bool usable = false;
            if (name == "function")
                return text(max_function, false, frame.function, usable);
            if (name == "file")
                return text(max_file, false, frame.file, usable);
            if (name == "line") {
                std::int64_t line = 0;
                const bool fine = number(max_number, line, usable);
                frame.line = usable ? line : 0;
                return fine;
            }
            if (name == "own") {
                bool own = false;
                const bool fine = boolean(own, usable);
                frame.own = usable && own;
                return fine;
            }
            return more() && skip();
        });
    });
}

bool LineReader::pairs(std::vector<Pair>& list, std::size_t first, std::size_t most,
                       std::size_t name_limit, std::size_t value_limit)
{
    return object([&, this](std::string_view name) {
        if (list.size() - first == most) {
            ++figures_.clipped;
            return more() && skip();
        }
        Pair& pair = list.emplace_back();
        return clean(name, name_limit, false, pair.name) && any_text(value_limit, pair.value);
    });
}

bool LineReader::abilities()
{
    fields_.can.clear();
    return array([this] {
        std::string_view word;
        bool usable = false;
        if (fields_.can.size() == max_abilities) {
            ++figures_.clipped;
            return more() && skip();
        }
        if (!text(max_word, false, word, usable))
            return false;
        if (usable)
            fields_.can.push_back(word);
        return true;
    });
}

bool LineReader::pool(PoolInfo& info, std::size_t& config_first)
{
    return object([&, this](std::string_view name) {
        bool usable = false;
        if (name == "pool")
            return text(max_pool_name, true, info.pool, usable);
        if (name == "kind")
            return text(max_word, false, info.kind, usable);
        if (name == "database")
            return text(max_database, false, info.database, usable);
        if (name != "config")
            return more() && skip();
        if (here() != '{')
            return odd();
        config_first = fields_.config.size();
        return pairs(fields_.config, config_first, max_config, max_why, max_why);
    });
}

bool LineReader::pools()
{
    fields_.pools.clear();
    fields_.config.clear();
    std::vector<std::size_t> ends; // of each pool's part of config, and where it begins
    const bool fine = array([&, this] {
        if (fields_.pools.size() == max_pools) {
            ++figures_.clipped;
            return more() && skip();
        }
        if (here() != '{')
            return odd();
        PoolInfo info;
        std::size_t first = fields_.config.size();
        if (!pool(info, first))
            return false;
        if (info.pool.empty()) {
            ++figures_.odd_field; // no name: no pool
            return true;
        }
        fields_.pools.push_back(info);
        ends.push_back(first);
        ends.push_back(fields_.config.size());
        return true;
    });
    for (std::size_t i = 0; i < ends.size() / 2; ++i) {
        fields_.pools[i].config = std::span<const Pair>(fields_.config)
                                      .subspan(ends[2 * i], ends[2 * i + 1] - ends[2 * i]);
    }
    return fine;
}

bool LineReader::figures(Figures& figures)
{
    figures = {};
    return object([&, this](std::string_view name) {
        std::int64_t value = 0;
        bool usable = false;
        if (name == "count") {
            const bool fine = number(max_number, value, usable);
            figures.count = usable ? std::optional(value) : std::nullopt;
            return fine;
        }
        std::optional<Duration>* const place = name == "total_us" ? &figures.total
                                               : name == "p50_us" ? &figures.p50
                                               : name == "p99_us" ? &figures.p99
                                                                  : nullptr;
        if (place == nullptr)
            return more() && skip();
        const bool fine = number(max_number, value, usable);
        *place = usable ? std::optional(Duration{value}) : std::nullopt;
        return fine;
    });
}

} // namespace poolscope::wire
