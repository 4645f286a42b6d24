// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/comparerows.h"

#include "core/compare/measures.h"
#include "ui/models/cells_p.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <utility>

namespace poolscope {

namespace {

using compare::Change;
using compare::Comparison;
using compare::Measure;
using compare::Subject;
using compare::Verdict;

constexpr std::size_t mostHeadlines = 4;   ///< beside the first
constexpr std::ptrdiff_t mostThings = 500; ///< of a section

TreeCell changeCell(const Change& change)
{
    const bool changed = compare::is_change(change.verdict);
    TreeCell cell = words(verdictWords(change), changed ? Emphasis::strong : Emphasis::caption);
    if (change.verdict == Verdict::too_little)
        cell.tip = tr("They differ, but too little was observed to call that a change.");
    else if (changed)
        cell.tip = Formatter::line(compare::sentence_of(change), 1000);
    return cell;
}

TreeCell figureCell(const Change& change, const compare::Figure& figure)
{
    TreeCell cell;
    if (!figure.value) {
        // Before there was anything, there is nothing to report.
        const bool other =
            change.verdict == Verdict::only_before || change.verdict == Verdict::only_after;
        cell = words(other ? QStringLiteral("-") : Formatter::notReported(), Emphasis::caption);
        cell.copy = QLatin1String("");
        cell.sort = {};
        return cell;
    }
    cell.text = Formatter::line(compare::in_words(change.measure, figure.value));
    cell.sort = *figure.value;
    cell.copy = QString::number(*figure.value, 'g', 9);
    cell.tip = basisOf(figure);
    cell.emphasis = compare::is_change(change.verdict) ? Emphasis::plain : Emphasis::secondary;
    return cell;
}

class CompareTree
{
public:
    explicit CompareTree(const Comparison& comparison)
        : comparison_(comparison)
    {}

    TreeNodes build()
    {
        section(Subject::pool, tr("Pools"), Measure::max, false);
        section(Subject::place, tr("Lines of code, by the connections that they hold on average"),
                Measure::held_mean, true);
        section(Subject::server, tr("Servers"), Measure::max, false);
        section(Subject::application, tr("Sessions by application, on average"),
                Measure::sessions_mean, true);
        section(Subject::diagnosis, tr("Diagnoses, how much of the time they stood"),
                Measure::stood_ratio, true);
        section(Subject::alert, tr("Alerts, how much of the time they fired"), Measure::stood_ratio,
                true);
        return std::move(sections_);
    }

private:
    struct Thing
    {
        explicit Thing(std::vector<const Change*> all)
            : figures(std::move(all))
        {
            for (const Change* const each : figures) {
                weight = std::max(weight, each->weight);
                changes += compare::is_change(each->verdict);
            }
        }
        std::vector<const Change*> figures;
        double weight = 0; ///< of what changed most in it
        int changes = 0;
    };

    static bool sameThing(const Change& a, const Change& b)
    {
        return a.target == b.target && a.and_target == b.and_target && a.pool == b.pool &&
               a.what == b.what && a.user == b.user && a.stack == b.stack &&
               a.by_way_of == b.by_way_of;
    }

    QString nameOf(const Change& change) const
    {
        return QStringLiteral("c%1").arg(&change - comparison_.changes.data());
    }

    std::unique_ptr<TreeNode> figureRow(const Change& change, const QString& words) const
    {
        auto node = std::make_unique<TreeNode>();
        node->id = nameOf(change);
        TreeCell what{words, {}, {}, words};
        what.emphasis = compare::is_change(change.verdict) ? Emphasis::plain : Emphasis::secondary;
        node->cells = {what, figureCell(change, change.before), figureCell(change, change.after),
                       changeCell(change)};
        return node;
    }

    /// "load_orders (orders.cpp:42)  shop-api, pool orders"
    static QString headOf(const Change& change)
    {
        const QString where = Formatter::line(compare::where_of(change), 300);
        const QString what = Formatter::line(compare::what_of(change), 400);
        return what.isEmpty() ? where : what + QStringLiteral("  ") + where;
    }

    /// Everything of one thing. `leads`: that figure of it is told in its own row.
    std::unique_ptr<TreeNode> rowOf(const Thing& thing, std::optional<Measure> leads) const
    {
        const Change& first = *thing.figures.front();
        std::unique_ptr<TreeNode> node;
        std::vector<const Change*> below = thing.figures;
        if (leads && first.measure == *leads && !first.state) {
            node = figureRow(first, headOf(first));
            below.erase(below.begin());
        } else {
            node = std::make_unique<TreeNode>();
            node->id = QStringLiteral("t") + nameOf(first);
            node->cells = {words(headOf(first)), {}, {}, {}};
        }
        node->lead = Lead::strong;
        node->cells.front().emphasis = Emphasis::plain;
        std::stable_sort(below.begin(), below.end(),
                         [](const Change* a, const Change* b) { return a->weight > b->weight; });
        node->folded = true;
        for (const Change* const each : below) {
            auto row = figureRow(*each, measureOf(*each));
            row->state = each->state;
            if (compare::is_change(each->verdict))
                node->folded = false;
            node->children.push_back(std::move(row));
        }
        return node;
    }

    static std::unique_ptr<TreeNode> moreRow(Subject subject, qsizetype more)
    {
        auto node = std::make_unique<TreeNode>();
        node->id = QStringLiteral("more-") + QString::fromLatin1(compare::name_of(subject).data());
        node->cells = {words(tr("and %1 more that changed less: a saved comparison has them all")
                                 .arg(Formatter::count(more)),
                             Emphasis::secondary),
                       {},
                       {},
                       {}};
        return node;
    }

    static QString measureOf(const Change& change)
    {
        if (change.subject == Subject::application && !change.state &&
            change.measure == Measure::sessions_peak)
            return tr("peak");
        return Formatter::line(compare::measure_of(change));
    }

    void section(Subject subject, const QString& title, Measure leading, bool leads)
    {
        std::vector<Thing> things;
        std::vector<const Change*> one;
        const auto close = [&] {
            if (!one.empty())
                things.emplace_back(std::exchange(one, {}));
        };
        for (const Change& change : comparison_.changes) {
            if (change.subject != subject || !compare::is_worth_a_row(change))
                continue;
            if (!one.empty() && !sameThing(*one.front(), change))
                close();
            one.push_back(&change);
        }
        close();
        if (things.empty())
            return;
        std::stable_sort(things.begin(), things.end(),
                         [](const Thing& a, const Thing& b) { return a.weight > b.weight; });
        auto head = std::make_unique<TreeNode>();
        head->id = QString::fromLatin1(compare::name_of(subject).data());
        head->group = true;
        std::ptrdiff_t changes = 0;
        std::ptrdiff_t figures = 0;
        for (const Thing& thing : things) {
            changes += thing.changes;
            figures += std::ssize(thing.figures);
            if (std::ssize(head->children) < mostThings)
                head->children.push_back(
                    rowOf(thing, leads ? std::optional(leading) : std::nullopt));
        }
        if (std::ssize(things) > mostThings)
            head->children.push_back(moreRow(subject, std::ssize(things) - mostThings));
        TreeCell count = words(
            changes == 0
                ? tr("nothing changed")
                : tr("%1 of %2 changed").arg(Formatter::count(changes), Formatter::count(figures)),
            Emphasis::secondary);
        head->cells = {words(title, Emphasis::strong), {}, {}, count};
        sections_.push_back(std::move(head));
    }

    const Comparison& comparison_;
    TreeNodes sections_;
};

QString rangeWords(const compare::Range& range, const Formatter& format, Timestamp now)
{
    return tr("%1, %2 to %3, %4")
        .arg(Formatter::line(range.name, 128), format.instant(range.from, now),
             format.instant(range.to, now), Formatter::ageProse(range.to - range.from));
}

} // namespace

std::unique_ptr<TreeModel> makeCompareModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{{tr("What"), tr("What is compared, and where"), false, false},
                                {tr("Before"), {}, true, true},
                                {tr("After"), {}, true, true},
                                {tr("Change"),
                                 tr("Written bold, with a mark, where it is more than chance"),
                                 false, false}},
        parent);
}

TreeNodes compareRows(const Comparison& comparison)
{
    return CompareTree(comparison).build();
}

const Change* changeOf(const Comparison& comparison, const QString& row)
{
    bool number = false;
    const auto at = row.startsWith(QLatin1Char('c')) ? row.mid(1).toULongLong(&number) : 0;
    return number && at < comparison.changes.size() ? &comparison.changes[at] : nullptr;
}

CompareWords compareWords(const Comparison& comparison, const Formatter& format, Timestamp now)
{
    CompareWords words;
    const std::vector<const Change*> told = compare::headlines(comparison);
    words.quiet = told.empty();
    const auto sentence = [](const Change* change) {
        return Formatter::line(compare::sentence_of(*change), 1000);
    };
    words.headline =
        told.empty() ? tr("Nothing changed that is worth a word.") : sentence(told.front());
    for (std::size_t i = 1; i < std::min(told.size(), mostHeadlines + 1); ++i)
        words.others += sentence(told[i]);
    words.more = static_cast<int>(told.size() - std::min(told.size(), mostHeadlines + 1));
    words.before = rangeWords(comparison.before, format, now);
    words.after = rangeWords(comparison.after, format, now);
    for (const std::string& note : comparison.notes)
        words.notes += Formatter::line(note, 2000);
    return words;
}

std::optional<Moved> movedOf(const Change& change)
{
    switch (change.verdict) {
    case Verdict::more:
        return Moved::rose;
    case Verdict::less:
        return Moved::fell;
    case Verdict::appeared:
        return Moved::appeared;
    case Verdict::gone:
        return Moved::gone;
    default:
        return std::nullopt;
    }
}

QString verdictWords(const Change& change)
{
    QString by = Formatter::line(
        compare::change_in_words(change.verdict, change.before.value, change.after.value));
    switch (change.verdict) {
    case Verdict::more:
        return tr("rose, %1").arg(by);
    case Verdict::less:
        return tr("fell, %1").arg(by);
    case Verdict::same:
        return tr("the same");
    default:
        return by;
    }
}

QString basisOf(const compare::Figure& figure)
{
    const QString observed =
        tr("observed for %1").arg(Formatter::ageProse(Duration{qRound64(figure.observed * 1e6)}));
    return figure.count > 0 ? tr("%1, from %2 single ones")
                                  .arg(observed, Formatter::count(qRound64(figure.count)))
                            : observed;
}

CompareSplit compareSplit(const std::vector<Mark>& marks, Timestamp start, Timestamp end,
                          const Formatter& format, Timestamp now)
{
    const auto enough = std::chrono::microseconds{qRound64(compare::least_observed * 1e6)};
    const auto first = std::find_if(marks.begin(), marks.end(), [&](const Mark& mark) {
        return (mark.kind == MarkKind::critical || mark.kind == MarkKind::warning) &&
               mark.time - start >= enough && end - mark.time >= enough;
    });
    if (first != marks.end())
        return {first->time,
                tr("Proposed: cut at %1, the first sign of trouble: %2")
                    .arg(format.instant(first->time, now), Formatter::line(first->sentence, 200))};
    const Timestamp middle = start + (end - start) / 2;
    return {middle, tr("Proposed: the earlier half against the later one, cut at %1.")
                        .arg(format.instant(middle, now))};
}

} // namespace poolscope
