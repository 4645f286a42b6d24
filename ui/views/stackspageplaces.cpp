// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/stackspageplaces.h"

#include "ui/models/formatter.h"
#include "ui/models/placewords.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace poolscope {

namespace {

using LineKey = std::tuple<std::string, std::string, std::string, std::string, std::int32_t, bool>;

LineKey keyOf(const std::string& target, const Text& pool, const Stack* stack)
{
    const StackLine* const line = acquiring_line(stack);
    return {target,
            pool.str(),
            line ? line->function.str() : std::string(),
            line ? line->file.str() : std::string(),
            line ? line->line : 0,
            line != nullptr};
}

QString fileName(const std::string& path)
{
    const QString file = Formatter::line(path, 400);
    return file.mid(
        std::max(file.lastIndexOf(QLatin1Char('/')), file.lastIndexOf(QLatin1Char('\\'))) + 1);
}

TreeCell text(const QString& words, Emphasis emphasis = Emphasis::plain)
{
    return {words, words, {}, words, emphasis};
}

TreeCell count(std::uint64_t n)
{
    const auto value = static_cast<qlonglong>(n);
    return {Formatter::count(value), value, QString::number(value), {}, Emphasis::plain};
}

} // namespace

std::vector<IciclePlace> heldNow(const SessionStore& store)
{
    std::vector<IciclePlace> places;
    for (const TargetSummary& target : store.targets()) {
        for (const Place& place : target.places) {
            IciclePlace one;
            one.target = Text{target.info.name};
            one.pool = place.pool;
            one.stack = place.stack;
            for (const Holder& holder : place.holders)
                one.held += holder.age;
            one.checkouts = one.open = place.holders.size();
            one.suspected = place.severity != LeakSeverity::none;
            places.push_back(std::move(one));
        }
    }
    return places;
}

std::vector<IciclePlace> heldOver(const std::vector<HeldPlace>& held, const SessionStore& store)
{
    std::map<LineKey, const Place*> known;
    for (const TargetSummary& target : store.targets()) {
        for (const Place& place : target.places)
            known.emplace(keyOf(target.info.name, place.pool, place.stack.get()), &place);
    }
    std::vector<IciclePlace> places;
    for (const HeldPlace& from : held) {
        const TargetSummary* const target = store.target(from.target);
        if (!target)
            continue;
        IciclePlace one;
        one.target = Text{target->info.name};
        one.pool = from.pool;
        one.stack = from.stack;
        one.held = from.held;
        one.checkouts = from.count;
        const auto found = known.find(keyOf(target->info.name, from.pool, from.stack.get()));
        if (found != known.end()) {
            one.suspected = found->second->severity != LeakSeverity::none;
            // Several stacks may end at this line: each of them is told of once.
            one.open = std::min<std::uint64_t>(found->second->holders.size(), from.count);
            if (!same_stack(found->second->stack, from.stack))
                one.open = 0;
        }
        places.push_back(std::move(one));
    }
    return places;
}

QString HeldLine::id() const
{
    const StackLine* const line = acquiring_line(sum.stack.get());
    QStringList parts{QString::fromStdString(sum.target.str()),
                      QString::fromStdString(sum.pool.str())};
    if (line)
        parts << QString::fromStdString(line->function.str())
              << QString::fromStdString(line->file.str()) << QString::number(line->line);
    return parts.join(QChar(0x1f));
}

std::vector<HeldLine> heldLines(const std::vector<IciclePlace>& places, IcicleWeight weight)
{
    std::map<LineKey, HeldLine> lines;
    double total = 0;
    for (const IciclePlace& place : places) {
        const double amount = weightOf(place, weight);
        if (amount <= 0)
            continue;
        total += amount;
        const auto [at, fresh] =
            lines.try_emplace(keyOf(place.target.str(), place.pool, place.stack.get()));
        HeldLine& line = at->second;
        if (fresh) {
            line.sum = place;
        } else {
            line.sum.held += place.held;
            line.sum.checkouts += place.checkouts;
            line.sum.open += place.open;
            line.sum.suspected = line.sum.suspected || place.suspected;
        }
        line.share += amount;
    }
    std::vector<HeldLine> sorted;
    for (auto& [key, line] : lines) {
        line.share /= total;
        sorted.push_back(std::move(line));
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const HeldLine& a, const HeldLine& b) { return a.share > b.share; });
    return sorted;
}

QString heldFunction(const IciclePlace& place)
{
    const StackLine* const line = acquiring_line(place.stack.get());
    if (!line)
        return tr("no stack was taken");
    return line->function.empty() ? Formatter::notReported()
                                  : Formatter::line(line->function.str(), 200);
}

QString heldLineName(const IciclePlace& place)
{
    const StackLine* const line = acquiring_line(place.stack.get());
    if (!line || line->file.empty())
        return {};
    return fileAndLine(fileName(line->file.str()), line->line);
}

std::unique_ptr<TreeModel> makeHeldModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{{tr("Function"), {}, false, true},
                                {tr("Line"), {}, false, true},
                                {tr("Pool"), {}, false, false},
                                {tr("Checkouts"), {}, true, true},
                                {tr("Open"), tr("Not returned, at the cursor"), true, true},
                                {tr("Held"), tr("By all of them together"), true, true},
                                {tr("Share"), {}, true, true},
                                {tr("Note"), {}, false, false}},
        parent);
}

TreeNodes heldRows(const std::vector<HeldLine>& lines)
{
    TreeNodes rows;
    for (const HeldLine& line : lines) {
        auto node = std::make_unique<TreeNode>();
        node->id = line.id();
        node->severity = line.sum.suspected ? 1 : 0;
        TreeCell place = text(heldLineName(line.sum), Emphasis::secondary);
        if (const StackLine* const at = acquiring_line(line.sum.stack.get()); at && at->line > 0) {
            place.copy = fileAndLine(Formatter::line(at->file.str(), 400), at->line);
            place.tip = place.copy;
        }
        const qlonglong us = to_us(line.sum.held);
        // Words that every compiler's unnamed scope has push out the name itself.
        TreeCell function =
            text(heldFunction(line.sum), line.sum.suspected ? Emphasis::strong : Emphasis::plain);
        function.copy = function.tip;
        function.text.remove(QStringLiteral("(anonymous namespace)::"));
        node->cells = {
            function,
            place,
            text(Formatter::line(line.sum.pool.str(), 100)),
            count(line.sum.checkouts),
            count(line.sum.open),
            {Formatter::ageCell(line.sum.held),
             us,
             QString::number(double(us) / 1e6, 'f', 6),
             {},
             Emphasis::plain},
            {line.share < 0.0005 ? tr("<0.1 %") : tr("%1 %").arg(line.share * 100, 0, 'f', 1),
             line.share,
             QString::number(line.share, 'f', 4),
             {},
             Emphasis::plain},
            line.sum.suspected ? text(tr("suspected")) : TreeCell{}};
        rows.push_back(std::move(node));
    }
    return rows;
}

int cellOf(const std::vector<IcicleCell>& cells, const HeldLine& line)
{
    const StackLine* const wanted = acquiring_line(line.sum.stack.get());
    int best = -1;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const IcicleCell& cell = cells[i];
        const bool leaf = i + 1 == cells.size() || cells[i + 1].parent != static_cast<int>(i);
        if (!leaf || cell.depth < 3 || (cell.kind == IcicleKind::none) == (wanted != nullptr))
            continue;
        if (wanted && (cell.function != wanted->function || cell.file != wanted->file ||
                       cell.line != wanted->line))
            continue;
        int pool = static_cast<int>(i);
        while (cells[static_cast<std::size_t>(pool)].depth > 2)
            pool = cells[static_cast<std::size_t>(pool)].parent;
        const IcicleCell& above = cells[static_cast<std::size_t>(pool)];
        if (above.function != line.sum.pool ||
            cells[static_cast<std::size_t>(above.parent)].function != line.sum.target)
            continue;
        if (best < 0 || cell.share > cells[static_cast<std::size_t>(best)].share)
            best = static_cast<int>(i);
    }
    return best;
}

} // namespace poolscope
