// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/stackspage.h"

#include "ui/models/placewords.h"
#include "ui/theme/panel.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/icicleview.h"
#include "ui/views/linkbutton.h"
#include "ui/views/pagetitle.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPointer>
#include <QPushButton>
#include <QScrollArea>

#include <algorithm>

namespace poolscope {

namespace {

/// How often a range that follows the live edge is asked for anew.
constexpr auto askEvery = std::chrono::seconds{5};

QString percent(double share)
{
    return share > 0 && share < 0.0005 ? StacksPage::tr("under 0.1 %")
                                       : StacksPage::tr("%1 %").arg(share * 100, 0, 'f', 1);
}

} // namespace

StacksPage::StacksPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , model_(makeHeldModel(nullptr))
{
    title_ = new PageTitle(this);
    layout_->addWidget(title_);
    makeBar();
    makePanel();
    makeTable();
    layout_->addStretch(1); // keeps the sentence at the top while there is nothing below it
    ask_.setParent(this);
    ask_.setObjectName(QStringLiteral("askForRange"));
    ask_.setSingleShot(true);
    ask_.setInterval(150);
    connect(&ask_, &QTimer::timeout, this, &StacksPage::ask);
    connect(&context, &ViewContext::rangeChanged, this, [this] {
        // Following the live edge, the range moves with every sample.
        const bool moves = context_.rangeFollows() && transport_.mode == Mode::live;
        if (!moves || !asked_)
            ask_.start();
    });
}

bool StacksPage::overRange() const
{
    return span_->current() == 1;
}

void StacksPage::ask()
{
    if (!isVisible() || !overRange())
        return;
    if (asking_) {
        again_ = true;
        return;
    }
    asking_ = true;
    again_ = false;
    asked_ = store_->now();
    context_.workspace().held(context_.rangeFrom(), context_.rangeTo(),
                              [self = QPointer<StacksPage>(this)](const auto& held) {
                                  if (!self)
                                      return;
                                  self->asking_ = false;
                                  self->answered_ = true;
                                  self->held_ = held;
                                  self->rebuild();
                                  if (self->again_)
                                      self->ask_.start();
                              });
}

void StacksPage::refresh(const Update& update)
{
    if (update.reset) {
        // What was asked of another recording, or at another cursor, is void.
        answered_ = asking_ = false;
        held_.clear();
        asked_.reset();
        ask_.start();
    } else if (overRange() && transport_.mode == Mode::live && context_.rangeFollows() &&
               (!asked_ || update.now - *asked_ >= askEvery)) {
        ask();
    }
    if (isVisible())
        rebuild();
}

void StacksPage::rebuild()
{
    const std::vector<IciclePlace> places =
        overRange() ? heldOver(held_, *store_) : heldNow(*store_);
    const IcicleWeight weight =
        weight_->current() == 0 ? IcicleWeight::held : IcicleWeight::checkouts;
    lines_ = heldLines(places, weight);
    icicle_->setCells(layOutIcicle(places, weight));
    choosing_ = true;
    model_->replace(heldRows(lines_));
    choosing_ = false;
    chooseRow(); // where the chosen line left, its neighbour was not chosen
    const QString empty = emptyWords();
    const bool any = empty.isEmpty();
    bar_->setVisible(!store_->targets().empty());
    panel_->setVisible(any);
    linesPanel_->setVisible(any);
    if (!any) {
        title_->setWaiting(empty, nothingYet().isEmpty() || store_->targets().empty());
        found_->clear();
        return;
    }
    answer();
    crumbs();
    tellCell();
    searched();
    arrange();
}

QString StacksPage::emptyWords() const
{
    if (QString words = nothingYet(); !words.isEmpty())
        return words;
    const auto& targets = store_->targets();
    if (std::none_of(targets.begin(), targets.end(), [](const TargetSummary& target) {
            return target.agent || !target.pools.empty();
        }))
        return transport_.mode == Mode::replay
                   ? tr("No instrumented process is in this recording: only a process with an "
                        "agent tells which lines of code hold its connections. Attach to one when "
                        "you record.")
                   : tr("No instrumented process is attached: only a process with an agent tells "
                        "which lines of code hold its connections. Attach to one with Ctrl+T.");
    if (overRange() && !answered_)
        return tr("Adding up what was held over the visible range.");
    if (!icicle_->cells().empty())
        return {};
    return overRange() ? tr("No connection was held in the visible range.")
                       : tr("No connection is checked out at this moment.");
}

void StacksPage::answer()
{
    const HeldLine& first = lines_.front();
    const QString line = heldLineName(first.sum);
    const QString who = line.isEmpty() ? heldFunction(first.sum) : line;
    const bool time = weight_->current() == 0;
    const QString sentence = line.isEmpty() && !first.sum.stack
                                 ? tr("%1 of %2 is held where no stack was taken")
                             : time ? tr("%1 holds %2 of the connection time")
                                    : tr("%1 made %2 of the checkouts");
    const QString said =
        first.sum.stack ? sentence.arg(who, percent(first.share))
                        : sentence.arg(percent(first.share), time ? tr("the connection time")
                                                                  : tr("what was checked out"));
    QString rest = Formatter::line(first.sum.pool.str(), 100);
    if (first.sum.open > 0)
        rest += first.sum.open == 1 ? tr(", 1 checkout is not returned")
                                    : tr(", %1 checkouts are not returned")
                                          .arg(Formatter::count(qlonglong(first.sum.open)));
    if (const QString old = asOf(); !old.isEmpty())
        rest += QStringLiteral(", ") + old;
    title_->setAnswer(first.sum.suspected ? 1 : 0, said, rest, !first.sum.suspected);
    linesHead_->setCaption(overRange() ? tr("heaviest first, over the visible range")
                                       : tr("heaviest first, checked out now"));
}

/// The whole, then what lies between it and what is zoomed into, each a way back.
void StacksPage::crumbs()
{
    const std::vector<int> path = icicle_->pathTo(icicle_->zoomed());
    const auto& cells = icicle_->cells();
    const auto nameAt = [&](int at) {
        return icicleName(cells[static_cast<std::size_t>(at)]).left(40);
    };
    // Of a long way the first and the last steps.
    std::vector<int> shown(path.begin(), path.empty() ? path.end() : path.end() - 1);
    if (shown.size() > crumbs_.size())
        shown.erase(shown.begin() + 1,
                    shown.end() - static_cast<std::ptrdiff_t>(crumbs_.size()) + 1);
    for (std::size_t i = 0; i < crumbs_.size(); ++i) {
        const bool used = i < shown.size();
        crumbs_[i]->setVisible(used);
        if (!used)
            continue;
        crumbs_[i]->setWords(nameAt(shown[i]));
        crumbs_[i]->setProperty("cell", shown[i]);
    }
    here_->setText(path.empty() ? QString() : nameAt(path.back()));
    if (cells.empty())
        return;
    const IcicleCell& all = cells.front();
    const QString held = Formatter::ageProse(all.held);
    total_->setText(all.checkouts == 1
                        ? tr("%1 connection time held by 1 checkout").arg(held)
                        : tr("%1 connection time held by %2 checkouts")
                              .arg(held, Formatter::count(qlonglong(all.checkouts))));
}

void StacksPage::tellCell()
{
    const auto& cells = icicle_->cells();
    if (cells.empty())
        return;
    const int at = icicle_->hovered() >= 0   ? icicle_->hovered()
                   : icicle_->current() >= 0 ? icicle_->current()
                                             : icicle_->zoomed();
    const IcicleCell& cell = cells[static_cast<std::size_t>(at)];
    const IcicleCell& all = cells.front();
    const QString name = icicleName(cell);
    const QString file = Formatter::line(cell.file.str(), 300);
    const QString place = file.isEmpty() ? file : fileAndLine(file, cell.line);
    name_->setText(place.isEmpty() || place == name ? name : name + QStringLiteral("  ") + place);
    QString words = at == 0 ? tr("held %1 in all").arg(Formatter::ageProse(cell.held))
                            : tr("held %1 of %2, %3")
                                  .arg(Formatter::ageProse(cell.held),
                                       Formatter::ageProse(all.held), percent(cell.share));
    words += cell.checkouts == 1
                 ? tr(", 1 checkout")
                 : tr(", %1 checkouts").arg(Formatter::count(qlonglong(cell.checkouts)));
    if (overRange() && cell.open > 0)
        words += tr(", %1 of them not returned").arg(Formatter::count(qlonglong(cell.open)));
    if (cell.suspected)
        words += tr("; suspected of a leak");
    words_->setText(words + QLatin1Char('.'));
}

void StacksPage::searched()
{
    icicle_->setSearch(search_->text());
    if (search_->text().isEmpty()) {
        found_->clear();
        return;
    }
    const int n = icicle_->matches();
    found_->setText(n == 0   ? tr("no frame")
                    : n == 1 ? tr("1 frame, %1").arg(percent(icicle_->matchedShare()))
                             : tr("%1 frames, %2").arg(n).arg(percent(icicle_->matchedShare())));
}

/// The line at which the current cell ends, if it is one.
void StacksPage::chooseRow()
{
    if (choosing_)
        return;
    const auto row = static_cast<std::size_t>(table_->currentIndex().row());
    if (table_->selectionModel()->hasSelection() && row < lines_.size() &&
        cellOf(icicle_->cells(), lines_[row]) == icicle_->current())
        return;
    choosing_ = true;
    QModelIndex found;
    for (std::size_t i = 0; i < lines_.size() && icicle_->current() >= 0; ++i) {
        if (cellOf(icicle_->cells(), lines_[i]) == icicle_->current())
            found = model_->index(static_cast<int>(i), 0);
    }
    if (found.isValid())
        table_->choose(found);
    else
        table_->clearSelection();
    choosing_ = false;
}

void StacksPage::rowChosen()
{
    if (choosing_ || !table_->selectionModel()->hasSelection())
        return;
    const auto row = static_cast<std::size_t>(table_->currentIndex().row());
    if (row >= lines_.size())
        return;
    choosing_ = true;
    icicle_->setCurrent(cellOf(icicle_->cells(), lines_[row]));
    choosing_ = false;
}

void StacksPage::copyStack() const
{
    const int at = icicle_->current() >= 0 ? icicle_->current() : icicle_->zoomed();
    const std::vector<int> path = icicle_->pathTo(at);
    QStringList lines;
    for (auto step = path.rbegin(); step != path.rend(); ++step) {
        const IcicleCell& cell = icicle_->cells()[static_cast<std::size_t>(*step)];
        if (cell.kind == IcicleKind::all)
            continue;
        const QString file = Formatter::line(cell.file.str(), 1000);
        lines << icicleName(cell) +
                     (file.isEmpty()
                          ? QString()
                          : QStringLiteral(" (") + fileAndLine(file, cell.line) + QLatin1Char(')'));
    }
    QGuiApplication::clipboard()->setText(lines.join(QLatin1Char('\n')));
}

void StacksPage::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_C &&
        event->modifiers() == (Qt::ControlModifier | Qt::ShiftModifier)) {
        copyStack();
        return;
    }
    BasePage::keyPressEvent(event);
}

/// As tall as its rows, up to what leaves room for the lines.
void StacksPage::arrange()
{
    const Theme& theme = Theme::current();
    constexpr int leastLines = 4;
    constexpr int edges = 4; // of the frame and of what is in it
    const int lines = linesHead_->sizeHint().height() + table_->height() -
                      table_->viewport()->height() + edges + leastLines * theme.rowHeight();
    const int around = panel_->y() + panel_->sizeHint().height() - scroll_->height() +
                       layout_->spacing() + lines + layout_->contentsMargins().bottom();
    // In a low window the lines give way first, down to one, and then the picture.
    const int least = std::clamp(height() - around + (leastLines - 1) * theme.rowHeight(),
                                 theme.scaled(44), theme.scaled(160));
    const int most = std::clamp(height() - around, least, std::max(least, height() * 9 / 20));
    const int roomy = icicle_->sizeHint().height();
    scroll_->setFixedHeight(roomy <= most ? roomy
                                          : std::min(icicle_->minimumSizeHint().height(), most));
}

void StacksPage::resizeEvent(QResizeEvent* event)
{
    BasePage::resizeEvent(event);
    arrange();
}

bool StacksPage::event(QEvent* event)
{
    const bool handled = BasePage::event(event);
    if (event->type() == QEvent::LayoutRequest)
        arrange(); // what stands above has come, or gone
    return handled;
}

void StacksPage::showEvent(QShowEvent* event)
{
    BasePage::showEvent(event);
    ask();
    rebuild();
}

void StacksPage::transportChanged()
{
    if (isVisible())
        rebuild();
}

void StacksPage::focusFilter()
{
    search_->setFocus();
    search_->selectAll();
}

void StacksPage::setFilter(const QString& text)
{
    search_->setText(text);
}

void StacksPage::nextGrouping()
{
    weight_->setCurrent((weight_->current() + 1) % weight_->count());
    rebuild();
}

bool StacksPage::clearOne()
{
    if (!search_->text().isEmpty()) {
        search_->clear();
        return true;
    }
    if (icicle_->zoomOut())
        return true;
    if (icicle_->current() < 0)
        return false;
    icicle_->setCurrent(-1);
    return true;
}

} // namespace poolscope
