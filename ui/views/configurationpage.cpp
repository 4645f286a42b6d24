// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/configurationpage.h"

#include "ui/theme/icons.h"
#include "ui/theme/panel.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"
#include "ui/views/configdetail.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"
#include "ui/views/rowdelegate.h"
#include "ui/views/timeoutbar.h"

#include <QHBoxLayout>
#include <QItemSelectionModel>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPointer>
#include <QShortcut>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

using namespace std::chrono_literals;

namespace {

/// Settings rarely change; connections come and go, and tell where a pool leads.
constexpr Duration configLookEvery = 3s;
/// An hour's load, and how many uses there were, say the same for as long.
constexpr Duration configLoadEvery = 30s;
/// Points of all pools together; with more pools it is a shorter past, never a coarser one: that
/// would take bursts for the load.
constexpr std::size_t mostLoadPoints = 200'000;
constexpr std::size_t leastLoadPoints = 180;
constexpr int mostUnknownLines = 7;
constexpr int mostCheckedLines = 12;

std::size_t poolsOf(const SessionStore& store)
{
    std::size_t pools = 0;
    for (const TargetSummary& target : store.targets())
        pools += target.pools.size();
    return pools;
}

} // namespace

ConfigurationPage::ConfigurationPage(ViewContext& context, std::shared_ptr<SessionStore> store,
                                     QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , model_(makeConfigModel(nullptr))
{
    const Theme& theme = Theme::current();
    title_ = new PageTitle(this);
    makeBar();
    makeTable();
    checked_ = new QLabel(this);
    checked_->setTextFormat(Qt::PlainText);
    checked_->setProperty("role", QStringLiteral("secondary"));
    checked_->setObjectName(QStringLiteral("checkedWords"));
    checked_->setWordWrap(true);
    checked_->setMaximumWidth(QFontMetrics(theme.ui()).averageCharWidth() * metrics::proseMeasure);
    checked_->hide();
    auto* const row = new QHBoxLayout;
    row->setSpacing(theme.scaled(metrics::panelGap));
    auto* const left = new QVBoxLayout;
    left->setSpacing(theme.scaled(12));
    left->addWidget(title_);
    left->addWidget(bar_);
    left->addWidget(checked_);
    left->addWidget(table_, 1000);
    left->addWidget(makeUnknown());
    left->addStretch(1); // keeps the title at the top while the table is hidden
    row->addLayout(left, 1);
    detail_ = new ConfigDetail(this);
    row->addWidget(detail_);
    layout_->addLayout(row, 1);
    timeouts_ = new TimeoutBar(this);
    layout_->addWidget(timeouts_);
    connect(timeouts_, &TimeoutBar::changed, this, [this] {
        if (known_)
            judge(configInput(*store_));
    });
    auto* const copy = new QShortcut(Qt::CTRL | Qt::SHIFT | Qt::Key_C, this);
    copy->setContext(Qt::WidgetWithChildrenShortcut);
    connect(copy, &QShortcut::activated, this, [this] { detail_->copyLine(); });
    showAnswer();
}

void ConfigurationPage::makeBar()
{
    bar_ = new QWidget(this);
    auto* const bar = new QHBoxLayout(bar_);
    bar->setContentsMargins(0, 0, 0, 0);
    bar->setSpacing(Theme::current().scaled(8));
    filter_ = new QLineEdit(bar_);
    filter_->setMinimumWidth(Theme::current().scaled(120));
    filter_->setMaximumWidth(Theme::current().scaled(240));
    filter_->setClearButtonEnabled(true);
    filter_->setPlaceholderText(tr("Filter settings, pools, words"));
    filter_->setAccessibleName(tr("Filter findings"));
    filter_->addAction(themedIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    connect(filter_, &QLineEdit::textChanged, this, &ConfigurationPage::rebuild);
    connect(filter_, &QLineEdit::returnPressed, this, [this] { table_->setFocus(); });
    auto* const caption = new QLabel(tr("Group by"), bar_);
    caption->setProperty("role", QStringLiteral("secondary"));
    grouping_ = new SegmentedControl({tr("Pool"), tr("None")}, bar_);
    grouping_->setAccessibleName(tr("Group by"));
    connect(grouping_, &SegmentedControl::chosen, this, &ConfigurationPage::rebuild);
    words_ = new QLabel(bar_);
    words_->setTextFormat(Qt::PlainText);
    words_->setProperty("role", QStringLiteral("secondary"));
    words_->setObjectName(QStringLiteral("findingWords"));
    bar->addWidget(filter_, 1000);
    bar->addSpacing(Theme::current().scaled(8));
    bar->addWidget(caption);
    bar->addWidget(grouping_);
    bar->addStretch(1);
    bar->addWidget(words_);
}

void ConfigurationPage::makeTable()
{
    table_ = new DataTable(QStringLiteral("configuration"), false, this);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setModel(model_.get());
    table_->setAccessibleName(tr("Findings of the configuration check"));
    table_->rows().setGlyphColumns(-1, static_cast<int>(ConfigColumn::severity));
    table_->setWidths({330, 88, 150, 76, 84, 300});
    table_->setElastic(static_cast<int>(ConfigColumn::sentence));
    // What does not fit is in the detail too.
    table_->setAutomaticColumns([](int column, int width) {
        const Theme& theme = Theme::current();
        const auto at = static_cast<ConfigColumn>(column);
        return (at != ConfigColumn::value && at != ConfigColumn::proposed) ||
               width >= theme.scaled(620);
    });
    table_->restoreColumns(-1, Qt::AscendingOrder);
    table_->setSortingEnabled(false); // the worst stands first
    connect(table_, &DataTable::chosen, this, &ConfigurationPage::chose);
    connect(table_, &DataTable::letter, this, [this](int key) {
        if (key == Qt::Key_G)
            nextGrouping();
    });
    connect(table_, &QWidget::customContextMenuRequested, this, &ConfigurationPage::showMenu);
}

QWidget* ConfigurationPage::makeUnknown()
{
    unknown_ = new Panel(this);
    auto* const box = new QVBoxLayout(unknown_);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    unknownHead_ = new SectionHead(tr("Not judged"), unknown_);
    box->addWidget(unknownHead_);
    unknownText_ = new QPlainTextEdit(unknown_);
    unknownText_->setReadOnly(true);
    unknownText_->setFrameShape(QFrame::NoFrame);
    unknownText_->setTabChangesFocus(true);
    unknownText_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    unknownText_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    unknownText_->setAccessibleName(tr("What was not judged, and why"));
    unknownText_->setObjectName(QStringLiteral("unknownText"));
    unknownText_->document()->setDocumentMargin(Theme::current().scaled(metrics::cellPadding));
    box->addWidget(unknownText_);
    unknown_->hide();
    return unknown_;
}

/// Another instant: nothing that was said of the one before counts.
void ConfigurationPage::forget()
{
    known_ = false;
    lookedAt_.reset();
    loadAt_.reset();
    load_.clear();
    awaited_ = false;
    reading_ = true;
    ++question_;
    if (!byUser_ && mayOffer_)
        chosen_.clear();
}

void ConfigurationPage::refresh(const Update& update)
{
    if (update.reset)
        forget();
    if (isVisible())
        look(update.reset);
}

void ConfigurationPage::showEvent(QShowEvent* event)
{
    awaited_ = false;
    look(true);
    BasePage::showEvent(event);
}

void ConfigurationPage::look(bool now)
{
    const Timestamp at = store_->now();
    askLoad();
    if (now || !lookedAt_ || at < *lookedAt_ || at - *lookedAt_ >= configLookEvery) {
        lookedAt_ = at;
        CheckInput input = configInput(*store_);
        if (!known_ || !sameConfiguration(input, input_))
            judge(std::move(input));
        else
            rebuild(); // some of it may have become old
    }
    showAnswer();
}

/// A question of the recording, now and then.
void ConfigurationPage::askLoad()
{
    const std::size_t pools = poolsOf(*store_);
    const Timestamp now = store_->now();
    if (pools == 0)
        reading_ = false;
    if (pools == 0 || awaited_ || (loadAt_ && now >= *loadAt_ && now - *loadAt_ < configLoadEvery))
        return;
    loadAt_ = now;
    awaited_ = true;
    const std::size_t points =
        std::clamp(mostLoadPoints / pools, leastLoadPoints, check_load_points);
    const Duration range = check_load_range * static_cast<std::int64_t>(points) /
                           static_cast<std::int64_t>(check_load_points);
    context_.workspace().poolSeries(now - range, now, points,
                                    [self = QPointer<ConfigurationPage>(this),
                                     asked = ++question_](const std::vector<PoolSeries>& series) {
                                        if (!self || self->question_ != asked)
                                            return;
                                        self->awaited_ = self->reading_ = false;
                                        self->load_ = series;
                                        self->judge(configInput(*self->store_));
                                    });
}

void ConfigurationPage::judge(CheckInput input)
{
    input_ = std::move(input);
    input_.series = load_;
    report_ = check_configuration(input_, timeouts_->options());
    input_.series.clear(); // kept once
    known_ = true;
    ++judged_;
    rebuild();
    showAnswer();
}

void ConfigurationPage::rebuild()
{
    const ConfigGrouping grouping =
        grouping_->current() == 1 ? ConfigGrouping::none : ConfigGrouping::pool;
    table_->setAvailable(static_cast<int>(ConfigColumn::pool), grouping == ConfigGrouping::none);
    selecting_ = true;
    model_->replace(
        configRows(*store_, input_, report_, filter_->text().trimmed(), grouping, &counts_));
    restoreChoice();
    selecting_ = false;
    const QString all = countWords(counts_);
    words_->setText(
        filter_->text().trimmed().isEmpty() ? all : tr("%1 match; %2").arg(counts_.shown).arg(all));
    showUnknown();
    showDetail();
}

QModelIndex ConfigurationPage::rowOf(const QString& id) const
{
    for (int i = 0; i < model_->rowCount(); ++i) {
        const QModelIndex top = model_->index(i, 0);
        if (model_->node(top)->id == id)
            return top;
        for (int k = 0; k < model_->rowCount(top); ++k) {
            const QModelIndex child = model_->index(k, 0, top);
            if (model_->node(child)->id == id)
                return child;
        }
    }
    return {};
}

/// A choice stays, also while its row is not there; where nobody chose, the worst is shown.
void ConfigurationPage::restoreChoice()
{
    if (chosen_.isEmpty() && mayOffer_ && model_->rowCount() > 0) {
        const QModelIndex top = model_->index(0, 0);
        const QModelIndex first = model_->rowCount(top) > 0 ? model_->index(0, 0, top) : top;
        chosen_ = model_->node(first)->id;
    }
    const QModelIndex row = chosen_.isEmpty() ? QModelIndex() : rowOf(chosen_);
    QItemSelectionModel& selection = *table_->selectionModel();
    if (!row.isValid())
        selection.clear();
    else if (!selection.isRowSelected(row.row(), row.parent()))
        selection.setCurrentIndex(row,
                                  QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
}

void ConfigurationPage::chose()
{
    if (selecting_)
        return;
    const QModelIndexList rows = table_->selectionModel()->selectedRows();
    chosen_ = rows.isEmpty() ? QString() : model_->node(rows.front())->id;
    byUser_ = true;
    mayOffer_ = false;
    showDetail();
}

void ConfigurationPage::showDetail()
{
    const QStringList ids = findingIds(report_);
    const qsizetype at = ids.indexOf(chosen_);
    if (at >= 0) {
        const ConfigFinding& finding = report_.findings.at(static_cast<std::size_t>(at));
        detail_->setFinding(input_, finding, store_->staleness(finding.target).has_value());
        return;
    }
    const QModelIndex head = chosen_.isEmpty() ? QModelIndex() : rowOf(chosen_);
    if (head.isValid())
        detail_->setWords(tr("%1: %2. Select a setting to see why, and what to set instead.")
                              .arg(head.data(CopyRole).toString(),
                                   head.siblingAtColumn(static_cast<int>(ConfigColumn::sentence))
                                       .data()
                                       .toString()));
    else
        detail_->setWords(chosen_.isEmpty()
                              ? tr("Select a setting to see why, and what to set instead.")
                              : tr("There is nothing to say against that setting now."));
}

void ConfigurationPage::showUnknown()
{
    QStringList lines;
    for (const std::string& each : report_.unknown)
        lines += Formatter::line(each, 2000);
    unknown_->setVisible(!lines.isEmpty());
    if (lines.isEmpty())
        return;
    unknownHead_->setCaption(QString::number(lines.size()));
    const QString text = lines.join(QLatin1Char('\n'));
    if (unknownText_->toPlainText() != text)
        unknownText_->setPlainText(text);
    const QFontMetrics measure(unknownText_->font());
    const Theme& theme = Theme::current();
    const int room = std::max(100, unknown_->width() - 2 * theme.scaled(metrics::panelPadding) -
                                       theme.scaled(24));
    const int height =
        measure.boundingRect(QRect(0, 0, room, 100000), Qt::TextWordWrap, text).height();
    unknownText_->setFixedHeight(std::min(height, mostUnknownLines * measure.lineSpacing()) +
                                 2 * theme.scaled(metrics::cellPadding) + 4);
}

void ConfigurationPage::showAnswer()
{
    const ConfigExtent extent = configExtent(input_);
    const bool told = known_ && !extent.none();
    const bool any = told && counts_.all() > 0;
    for (QWidget* const part :
         {bar_, static_cast<QWidget*>(table_), static_cast<QWidget*>(detail_)})
        part->setVisible(any);
    timeouts_->setVisible(told);
    checked_->setVisible(told && !any);
    if (told && !any) {
        QStringList lines = extentLines(input_, mostCheckedLines);
        if (extent.pools == 0)
            lines += transport_.mode == Mode::replay
                         ? tr("No pool in this recording tells its settings.")
                         : tr("No pool here tells its settings: attach to the application, too, "
                              "with Ctrl+T.");
        checked_->setText(lines.join(QLatin1Char('\n')));
    }
    if (!told) {
        const bool replay = transport_.mode == Mode::replay;
        if (const QString yet = nothingYet(); !known_ || !yet.isEmpty())
            title_->setWaiting(yet, store_->targets().empty());
        else
            title_->setAnswer(
                0,
                replay ? tr("Nothing in this recording tells its settings.")
                       : tr("Nothing attached tells its settings."),
                replay ? QString()
                       : tr("A server does, PgBouncer, and a process by its agent: attach to one "
                            "with Ctrl+T."),
                true);
        return;
    }
    QStringList rest{tr("%1 looked at").arg(extentWords(extent))};
    if (extent.silent > 0)
        rest += extent.silent == 1 ? tr("1 pool tells none")
                                   : tr("%1 pools tell none").arg(extent.silent);
    if (reading_)
        rest += tr("their load is being read");
    rest += asOf();
    rest.removeAll(QString());
    const QString after = rest.join(QStringLiteral(", "));
    if (any)
        title_->setAnswer(counts_.critical > 0  ? 2
                          : counts_.warning > 0 ? 1
                                                : 0,
                          counts_.all() == 1 ? tr("1 thing to set otherwise")
                                             : tr("%1 things to set otherwise").arg(counts_.all()),
                          after, false);
    else
        title_->setAnswer(0, tr("Nothing to object to."), after, true);
}

void ConfigurationPage::showMenu(const QPoint& at)
{
    QMenu menu(this);
    QAction* const line =
        menu.addAction(tr("Copy setting"), detail_, [this] { detail_->copyLine(); });
    line->setShortcut(Qt::CTRL | Qt::SHIFT | Qt::Key_C);
    line->setEnabled(detail_->hasLine());
    QAction* const copy = menu.addAction(tr("Copy rows"));
    copy->setShortcut(QKeySequence::Copy);
    connect(copy, &QAction::triggered, table_, [this] { table_->copySelection(); });
    menu.exec(table_->viewport()->mapToGlobal(at));
}

void ConfigurationPage::resizeEvent(QResizeEvent* event)
{
    BasePage::resizeEvent(event);
    detail_->setFixedWidth(detailWidth());
    showUnknown();
}

void ConfigurationPage::focusFilter()
{
    filter_->setFocus();
    filter_->selectAll();
}

void ConfigurationPage::setFilter(const QString& text)
{
    filter_->setText(text);
}

void ConfigurationPage::nextGrouping()
{
    grouping_->setCurrent((grouping_->current() + 1) % grouping_->count());
    rebuild();
}

bool ConfigurationPage::clearOne()
{
    if (!filter_->text().isEmpty()) {
        filter_->clear();
        return true;
    }
    if (chosen_.isEmpty())
        return false;
    table_->clearSelection();
    chosen_.clear();
    byUser_ = false;
    mayOffer_ = false;
    showDetail();
    return true;
}

} // namespace poolscope
