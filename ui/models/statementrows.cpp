// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of code whose prepared statements are never closed: their rows, and what is said of them.
#include "ui/models/leakrows_p.h"

#include "ui/models/answers_p.h"
#include "ui/models/cells_p.h"
#include "ui/models/placewords.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <tuple>

namespace poolscope {

namespace {

double perMinute(const StatementLeak& leak)
{
    const auto more = leak.open > leak.before ? leak.open - leak.before : 0;
    const double minutes = static_cast<double>(to_us(leak.window)) / 60e6;
    return minutes > 0 ? static_cast<double>(more) / minutes : 0;
}

bool mentionsStatements(const TargetSummary& target, const StatementLeak& leak,
                        const QString& filter)
{
    const auto has = [&](const QString& text) {
        return text.contains(filter, Qt::CaseInsensitive);
    };
    return filter.isEmpty() || has(QString::fromStdString(leak.pool.str())) ||
           has(QString::fromStdString(target.info.name)) ||
           has(QString::fromStdString(leak.statement.str())) || has(stackText(leak.stack.get()));
}

QString opened(std::uint64_t n)
{
    return n == 1 ? tr("1 prepared statement")
                  : tr("%1 prepared statements").arg(Formatter::count(std::int64_t(n)));
}

/// "price.go:31  statements of main.price()"
TreeCell originCell(const PlaceName& name)
{
    const QString rest =
        name.rest.isEmpty() ? tr("statements") : tr("statements of %1").arg(name.rest);
    TreeCell cell = words(name.lead + QStringLiteral("  ") + rest);
    cell.tip = tr("Statements prepared and never closed") + QLatin1Char('\n') + name.whole;
    cell.copy = tr("statements of %1").arg(name.whole);
    return cell;
}

std::vector<TreeCell> cellsOf(const StatementLeak& leak, const QString& where)
{
    const Emphasis emphasis = leaks::emphasisOf(leak.severity);
    TreeCell held = number(static_cast<std::int64_t>(leak.open));
    held.tip = tr("%1 open").arg(opened(leak.open));
    const double growth = perMinute(leak);
    const TreeCell perMinuteCell{QStringLiteral("+%1").arg(growth, 0, 'f', 1),
                                 growth,
                                 QString::number(growth, 'f', 3),
                                 {},
                                 Emphasis::plain};
    TreeCell state = words(tr("never closed"), Emphasis::secondary);
    state.copy = QStringLiteral("statement");
    TreeCell severity{
        Formatter::severity(leak.severity), static_cast<int>(leak.severity), {}, {}, emphasis};
    return {originCell(placeName(leak.stack.get())),
            leak.pool.is_null() ? TreeCell{where, {}, QLatin1String(""), {}, Emphasis::caption}
                                : words(where),
            held,
            duration(leak.age, emphasis),
            perMinuteCell,
            TreeCell{},
            severity,
            TreeCell{},
            TreeCell{},
            state};
}

} // namespace

void leaks::addStatements(const SessionStore& store, const TargetSummary& target,
                          const QString& filter, LeakGrouping grouping, std::vector<Ranked>& rows,
                          LeakCounts& counts)
{
    counts.suspected += static_cast<int>(target.statements.size());
    for (const StatementLeak& leak : target.statements) {
        if (!mentionsStatements(target, leak, filter))
            continue;
        ++counts.shown;
        Ranked& row = rows.emplace_back();
        row.node = std::make_unique<TreeNode>();
        TreeNode& node = *row.node;
        node.id = statementsId(target.info.id, leak);
        node.cells = cellsOf(leak, poolWords(store, target, leak.pool));
        node.group = grouping != LeakGrouping::none;
        node.lead = Lead::strong;
        node.severity = row.severity = static_cast<int>(leak.severity);
        node.staleness = store.staleness(target.info.id);
        row.oldest = to_us(leak.age);
    }
}

const std::vector<std::string>& StatementsAt::evidence() const
{
    static const std::vector<std::string> none;
    if (!leak)
        return none;
    const auto at = static_cast<std::size_t>(leak - target->statements.data());
    return at < target->statement_evidence.size() ? target->statement_evidence[at] : none;
}

StatementsAt statementsAt(const SessionStore& store, const QString& id)
{
    if (!id.startsWith(QLatin1Char('t')))
        return {};
    for (const TargetSummary& target : store.targets()) {
        for (const StatementLeak& leak : target.statements) {
            if (statementsId(target.info.id, leak) == id)
                return {&target, &leak};
        }
    }
    return {};
}

/// "52 prepared statements of orders are open at price.go:31, and they only grow"
std::optional<Answer> answers::worstStatements(const SessionStore& store)
{
    StatementsAt worst;
    std::ptrdiff_t all = 0;
    for (const TargetSummary& target : store.targets()) {
        all += std::ssize(target.statements);
        for (const StatementLeak& leak : target.statements) {
            const auto rank = [](const StatementLeak& l) {
                return std::make_tuple(l.severity, l.open);
            };
            if (!worst || rank(leak) > rank(*worst.leak))
                worst = {&target, &leak};
        }
    }
    if (!worst)
        return std::nullopt;
    const StatementLeak& leak = *worst.leak;
    Answer answer;
    answer.kind = Answer::Kind::leak;
    answer.severity = static_cast<int>(leak.severity);
    answer.target = worst.target->info.id;
    const QString pool =
        leak.pool.empty() ? nameOf(*worst.target) : Formatter::line(leak.pool.str(), 100);
    const PlaceName name = placeName(leak.stack.get());
    answer.sentence =
        acquiring_line(leak.stack.get())
            ? tr("%1 of %2 are open, prepared at %3, and they only grow")
                  .arg(opened(leak.open), pool, name.lead)
            : tr("%1 of %2 are open, and they only grow").arg(opened(leak.open), pool);
    QStringList rest{tr("%1 ago there were %2")
                         .arg(Formatter::ageProse(leak.window),
                              Formatter::count(static_cast<std::int64_t>(leak.before))),
                     tr("the oldest for %1").arg(Formatter::ageProse(leak.age))};
    if (all > 1)
        rest += all == 2 ? tr("1 other line does the same")
                         : tr("%1 other lines do the same").arg(all - 1);
    answer.explanation = rest.join(QStringLiteral(", "));
    return answer;
}

} // namespace poolscope
