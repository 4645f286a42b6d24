// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/placewords.h"

#include "ui/models/formatter.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <QStringList>

namespace poolscope {

namespace {

constexpr qsizetype longestName = 80; ///< of a file without its folders
constexpr std::size_t longestText = 2000;

/// Where the last part of a qualified name begins: after the last separator that stands in no
/// brackets.
qsizetype lastPart(const QString& name)
{
    int depth = 0;
    for (qsizetype i = name.size() - 1; i > 0; --i) {
        const QChar c = name.at(i);
        if (QStringLiteral(")>}]").contains(c))
            ++depth;
        else if (QStringLiteral("(<{[").contains(c))
            depth = std::max(0, depth - 1);
        else if (depth == 0 &&
                 (c == u'.' || c == u'/' || c == u' ' || (c == u':' && name.at(i - 1) == u':')))
            return i + 1;
    }
    return 0;
}

QString idOf(QChar kind, TargetId target, const StackRef& stack, const Text& pool)
{
    const std::uint64_t fingerprint = stack ? stack->fingerprint : 0;
    const std::string& name = pool.str();
    // Byte by byte: what is no UTF-8 must not make two pools one.
    return kind + QStringLiteral("%1/%2/").arg(target.value).arg(fingerprint, 0, 16) +
           QString::fromLatin1(name.data(), std::ssize(name));
}

/// Where several places acquire at one line, who called tells more than the function there.
PlaceName byWayOf(PlaceName name, const Place& place)
{
    if (place.by_way_of.empty())
        return name;
    const QString way = tr("by way of %1").arg(Formatter::line(place.by_way_of, longestText));
    name.whole += QLatin1Char(' ') + way;
    name.rest = place.kind == LeakKind::bypass ? tr("bypass %1").arg(way) : way;
    return name;
}

} // namespace

QString fileAndLine(const QString& file, std::int32_t line)
{
    return line > 0 ? file + QLatin1Char(':') + QString::number(line) : file;
}

QString shortLine(const StackLine& line)
{
    if (line.file.empty())
        return {};
    QString file = Formatter::line(line.file.str(), longestText);
    const qsizetype folder = std::max(file.lastIndexOf(u'/'), file.lastIndexOf(u'\\'));
    if (folder >= 0 && folder + 1 < file.size())
        file.remove(0, folder + 1);
    if (file.size() > longestName) // a name of no compiler's: its end tells more
        file = QChar(0x2026) + file.right(longestName);
    return fileAndLine(file, line.line);
}

QString wholeLine(const StackLine& line)
{
    if (line.file.empty())
        return {};
    return fileAndLine(Formatter::line(line.file.str(), longestText), line.line);
}

QString shortFunction(const StackLine& line)
{
    if (line.function.empty())
        return {};
    const QString name = Formatter::line(line.function.str(), 512);
    const QString last = name.mid(lastPart(name));
    const QString shown = last.isEmpty() ? name : last;
    return shown.back().isLetterOrNumber() || shown.endsWith(u'_') ? shown + QStringLiteral("()")
                                                                   : shown;
}

PlaceName placeName(const Stack* stack)
{
    const StackLine* const line = acquiring_line(stack);
    if (!line || (line->file.empty() && line->function.empty()))
        return {tr("no stack"), {}, tr("No acquire stack was taken.")};
    const QString file = shortLine(*line);
    const QString function = shortFunction(*line);
    if (file.isEmpty())
        return {function, {}, Formatter::line(line->function.str(), 512)};
    const QString whole = wholeLine(*line);
    return {file, function,
            line->function.empty()
                ? whole
                : tr("%1 at %2").arg(Formatter::line(line->function.str(), 512), whole)};
}

PlaceName placeName(const TargetInfo& target, const Place& place)
{
    if (place.kind == LeakKind::bypass) {
        PlaceName name = placeName(place.stack.get());
        name.rest = name.rest.isEmpty() ? tr("bypass") : tr("bypass in %1").arg(name.rest);
        return byWayOf(std::move(name), place);
    }
    if (place.stack || familyOf(target) != TargetFamily::bouncer || place.pool.empty())
        return byWayOf(placeName(place.stack.get()), place);
    return {Formatter::line(place.pool.str(), 100), tr("through the pooler"),
            tr("A pooler sees no line of code: attach to the application, too.")};
}

QString placeId(TargetId target, const Place& place)
{
    return idOf(QLatin1Char('p'), target, place.stack, place.pool);
}

QString statementsId(TargetId target, const StatementLeak& leak)
{
    return idOf(QLatin1Char('t'), target, leak.stack, leak.pool);
}

QString tagWords(const Checkout& checkout, std::size_t most)
{
    QStringList words;
    for (const auto& [name, value] : checkout.tags) {
        if (static_cast<std::size_t>(words.size()) == most)
            break;
        words += Formatter::line(name.str(), 60) + u'=' + Formatter::line(value.str(), 120);
    }
    return words.join(QLatin1Char(' '));
}

QString whoWords(const Checkout& checkout)
{
    const Text& who = checkout.acquired_by.empty() ? checkout.thread : checkout.acquired_by;
    return Formatter::line(who.str(), 200);
}

QString stackText(const Stack* stack)
{
    QStringList lines;
    if (stack) {
        for (const StackLine& line : stack->lines) {
            const QString function = line.function.empty()
                                         ? QStringLiteral("?")
                                         : Formatter::line(line.function.str(), longestText);
            const QString file = wholeLine(line);
            lines += file.isEmpty() ? function : QStringLiteral("%1 (%2)").arg(function, file);
        }
    }
    return lines.join(QLatin1Char('\n'));
}

QString connections(std::int64_t n)
{
    return n == 1 ? tr("1 connection") : tr("%1 connections").arg(Formatter::count(n));
}

} // namespace poolscope
