// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/icicle.h"

#include <QString>

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>

namespace poolscope {

namespace {

struct Step
{
    IcicleKind kind = IcicleKind::own;
    Text function;
    Text file;
    std::int32_t line = 0;
    int frames = 1;

    friend bool operator<(const Step& a, const Step& b)
    {
        return std::tie(a.kind, a.function, a.file, a.line, a.frames) <
               std::tie(b.kind, b.function, b.file, b.line, b.frames);
    }
};

struct Node
{
    double weight = 0;
    Duration held{};
    std::uint64_t checkouts = 0;
    std::uint64_t open = 0;
    bool suspected = false;
    std::map<Step, std::unique_ptr<Node>> children;

    void add(const IciclePlace& place, double amount)
    {
        weight += amount;
        held += place.held;
        checkouts += place.checkouts;
        open += place.open;
    }
};

/// Outermost first, down to the acquiring line.
std::vector<Step> stepsOf(const IciclePlace& place)
{
    std::vector<Step> steps{{IcicleKind::target, place.target, {}, 0, 1},
                            {IcicleKind::pool, place.pool, {}, 0, 1}};
    const StackLine* const acquiring = acquiring_line(place.stack.get());
    if (!acquiring) {
        steps.push_back({IcicleKind::none, {}, {}, 0, 1});
        return steps;
    }
    const std::vector<StackLine>& lines = place.stack->lines;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
        const bool last = &*line == acquiring;
        if (line->own || last)
            steps.push_back({line->own ? IcicleKind::own : IcicleKind::library, line->function,
                             line->file, line->line, 1});
        else if (steps.back().kind == IcicleKind::library)
            ++steps.back().frames;
        else
            steps.push_back({IcicleKind::library, line->function, line->file, line->line, 1});
        if (last)
            break;
    }
    return steps;
}

class Layout
{
public:
    std::vector<IcicleCell> cells;

    void add(const Node& node, const Step& step, int parent, int depth, double from, double total)
    {
        const int index = static_cast<int>(cells.size());
        cells.push_back({parent, depth, from, node.weight / total, step.kind, step.function,
                         step.file, step.line, step.frames, node.held, node.checkouts, node.open,
                         node.suspected});
        std::vector<std::pair<const Step*, const Node*>> children;
        for (const auto& [child, below] : node.children)
            children.emplace_back(&child, below.get());
        std::stable_sort(children.begin(), children.end(), [](const auto& a, const auto& b) {
            return a.second->weight > b.second->weight;
        });
        for (const auto& [child, below] : children) {
            add(*below, *child, index, depth + 1, from, total);
            from += below->weight / total;
        }
    }
};

} // namespace

double weightOf(const IciclePlace& place, IcicleWeight weight)
{
    switch (weight) {
    case IcicleWeight::held:
        return static_cast<double>(place.held.count());
    case IcicleWeight::checkouts:
        return static_cast<double>(place.checkouts);
    case IcicleWeight::open:
        return static_cast<double>(place.open);
    }
    return 0;
}

std::vector<IcicleCell> layOutIcicle(const std::vector<IciclePlace>& places, IcicleWeight weight)
{
    Node root;
    for (const IciclePlace& place : places) {
        const double amount = weightOf(place, weight);
        if (amount <= 0)
            continue;
        root.add(place, amount);
        Node* node = &root;
        for (const Step& step : stepsOf(place)) {
            std::unique_ptr<Node>& below = node->children[step];
            if (!below)
                below = std::make_unique<Node>();
            node = below.get();
            node->add(place, amount);
        }
        node->suspected = node->suspected || place.suspected;
    }
    Layout layout;
    if (root.weight > 0)
        layout.add(root, {IcicleKind::all, {}, {}, 0, 1}, -1, 0, 0, root.weight);
    return std::move(layout.cells);
}

double matchIcicle(const std::vector<IcicleCell>& cells, const std::string& text,
                   std::vector<int>& matches)
{
    matches.clear();
    const QString wanted = QString::fromStdString(text);
    if (wanted.isEmpty())
        return 0;
    const auto holds = [&](const Text& in) {
        return QString::fromStdString(in.str()).contains(wanted, Qt::CaseInsensitive);
    };
    double share = 0;
    std::vector<bool> covered(cells.size(), false);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const IcicleCell& cell = cells[i];
        const bool above = cell.parent >= 0 && covered[static_cast<std::size_t>(cell.parent)];
        const bool match = holds(cell.function) || holds(cell.file);
        covered[i] = above || match;
        if (!match)
            continue;
        matches.push_back(static_cast<int>(i));
        if (!above)
            share += cell.share;
    }
    return share;
}

} // namespace poolscope
