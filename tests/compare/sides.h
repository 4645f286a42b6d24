// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/compare/compare.h"
#include "tests/compare/tape.h"

#include <QObject>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace poolscope::test {

using namespace compare;

inline const Change* find(const Comparison& comparison, Subject subject, Measure measure,
                          const std::string& what = {}, std::optional<SessionState> state = {})
{
    const auto found = std::find_if(
        comparison.changes.begin(), comparison.changes.end(), [&](const Change& change) {
            return change.subject == subject && change.measure == measure &&
                   change.state == state &&
                   (what.empty() || what_of(change).find(what) != std::string::npos);
        });
    return found == comparison.changes.end() ? nullptr : &*found;
}

inline bool near(std::optional<double> value, double wanted, double most = 1e-6)
{
    if (value && std::abs(*value - wanted) <= most)
        return true;
    qWarning("%f is not %f", value.value_or(-1), wanted);
    return false;
}

inline bool says(const Comparison& comparison, const std::string& words)
{
    return std::any_of(
        comparison.notes.begin(), comparison.notes.end(),
        [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

/// Tests that record two sides and put them beside each other.
class Sides : public QObject
{
protected:
    using Tell = std::function<void(Tape&)>;
    std::string record(const Tell& tell);
    std::string record(const Behaviour& how)
    {
        return record([&how](Tape& tape) { tape.play(how); });
    }
    static Side sideOf(const std::string& file, std::optional<Timestamp> from = {},
                       std::optional<Timestamp> to = {});
    Comparison compared(const Behaviour& before, const Behaviour& after)
    {
        return compare::compare(sideOf(record(before)), sideOf(record(after)));
    }

    QTemporaryDir dir_;
    int files_ = 0;
};

inline std::string Sides::record(const Tell& tell)
{
    const std::string file =
        dir_.filePath(QStringLiteral("%1.poolrec").arg(++files_)).toStdString();
    Tape tape{file};
    tell(tape);
    tape.close();
    if (!tape.trouble().empty())
        qFatal("%s", tape.trouble().c_str());
    return file;
}

inline Side Sides::sideOf(const std::string& file, std::optional<Timestamp> from,
                          std::optional<Timestamp> to)
{
    auto reader = RecordingReader::open(file);
    if (!reader)
        qFatal("%s", reader.error().sentence.c_str());
    auto side = side_of(*reader.value(), {"a.poolrec", from, to});
    if (!side)
        qFatal("%s", side.error().sentence.c_str());
    return std::move(side).value();
}

} // namespace poolscope::test
