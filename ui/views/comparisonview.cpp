// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/comparisonview.h"

#include "ui/theme/glyphs.h"
#include "ui/theme/prose.h"
#include "ui/theme/theme.h"
#include "ui/views/changedelegate.h"
#include "ui/views/comparisondetail.h"
#include "ui/views/datatable.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QItemSelectionModel>
#include <QLabel>
#include <QVBoxLayout>

#include <tuple>

namespace poolscope {

namespace {

/// The rest is in the copy and in the file.
constexpr qsizetype mostNotes = 4;

} // namespace

ComparisonView::ComparisonView(std::shared_ptr<const compare::Comparison> comparison,
                               const Formatter& format, Timestamp now, QWidget* parent)
    : QWidget(parent)
    , comparison_(std::move(comparison))
    , model_(makeCompareModel(nullptr))
    , table_(new DataTable(QStringLiteral("comparison"), false, this))
    , detail_(new ComparisonDetail(this))
{
    const Theme& theme = Theme::current();
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(theme.scaled(12));
    const CompareWords words = compareWords(*comparison_, format, now);
    addWords(layout, words);
    addNotes(layout, words.notes);
    makeTable();
    auto* const row = new QHBoxLayout;
    row->setSpacing(theme.scaled(metrics::panelGap));
    row->addWidget(table_, 1);
    detail_->setFixedWidth(theme.scaled(320));
    row->addWidget(detail_);
    layout->addLayout(row, 1);
    setFocusProxy(table_);
}

ComparisonView::~ComparisonView() = default;

QLabel* ComparisonView::prose(const QString& text, const char* name, const char* role)
{
    auto* const label = new QLabel(this);
    label->setTextFormat(Qt::PlainText);
    label->setText(unbroken(text));
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    label->setObjectName(QLatin1String(name));
    if (role)
        label->setProperty("role", QLatin1String(role));
    label->setMaximumWidth(QFontMetrics(Theme::current().ui()).averageCharWidth() *
                           metrics::proseMeasure);
    label->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    return label;
}

void ComparisonView::addWords(QBoxLayout* into, const CompareWords& words)
{
    const Theme& theme = Theme::current();
    auto* const told = new QVBoxLayout;
    told->setSpacing(theme.scaled(4));
    QLabel* const headline =
        prose(words.headline, "comparisonHeadline", words.quiet ? "secondary" : nullptr);
    if (!words.quiet)
        headline->setFont(theme.ui(15, QFont::DemiBold));
    told->addWidget(headline);
    for (const QString& other : words.others)
        told->addWidget(prose(other, "comparisonOther", nullptr));
    if (words.more > 0)
        told->addWidget(
            prose(tr("%1 more below, in bold.").arg(words.more), "comparisonMore", "secondary"));
    into->addLayout(told);
    auto* const ranges = new QGridLayout;
    ranges->setHorizontalSpacing(theme.scaled(12));
    ranges->setVerticalSpacing(theme.scaled(2));
    ranges->setColumnStretch(1, 1);
    int row = 0;
    for (const auto& [caption, range, name] :
         {std::tuple{tr("Before"), words.before, "comparisonBeforeRange"},
          std::tuple{tr("After"), words.after, "comparisonAfterRange"}}) {
        auto* const label = new QLabel(caption, this);
        label->setProperty("role", QStringLiteral("secondary"));
        ranges->addWidget(label, row, 0, Qt::AlignTop);
        ranges->addWidget(prose(range, name, "secondary"), row++, 1);
    }
    into->addLayout(ranges);
}

void ComparisonView::addNotes(QBoxLayout* into, const QStringList& notes)
{
    if (notes.isEmpty())
        return;
    const Theme& theme = Theme::current();
    auto* const grid = new QGridLayout;
    grid->setHorizontalSpacing(theme.scaled(8));
    grid->setVerticalSpacing(theme.scaled(4));
    grid->setColumnStretch(1, 1);
    const int size = theme.scaled(metrics::glyph);
    int row = 0;
    for (const QString& note : notes.mid(0, mostNotes)) {
        auto* const glyph = new QLabel(this);
        glyph->setAccessibleName(tr("To be known"));
        const auto draw = [this, glyph, size] {
            glyph->setPixmap(severityPixmap(Severity::info, size, devicePixelRatioF(),
                                            Theme::current().tokens()));
        };
        draw();
        connect(&Theme::current(), &Theme::changed, glyph, draw);
        glyph->setContentsMargins(theme.scaled(QMargins(0, 2, 0, 0)));
        grid->addWidget(glyph, row, 0, Qt::AlignTop);
        grid->addWidget(prose(note, "comparisonNote", nullptr), row++, 1);
    }
    if (notes.size() > mostNotes)
        grid->addWidget(prose(tr("%1 more of the kind: a copy as text has them all.")
                                  .arg(notes.size() - mostNotes),
                              "comparisonMoreNotes", "secondary"),
                        row, 1);
    into->addLayout(grid);
}

void ComparisonView::makeTable()
{
    table_->setModel(model_.get());
    table_->setAccessibleName(tr("Figures, before and after"));
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    auto* const cells = new ChangeDelegate(*comparison_, *model_, table_);
    cells->setGlyphColumns(0, -1);
    table_->setItemDelegate(cells);
    table_->setWidths({360, 100, 100, 170});
    table_->setElastic(static_cast<int>(CompareColumn::what));
    table_->restoreColumns(-1, Qt::AscendingOrder);
    table_->setSortingEnabled(false); // what changed most stands first
    model_->replace(compareRows(*comparison_));
    table_->setVisible(model_->rowCount() > 0);
    detail_->setVisible(model_->rowCount() > 0);
    connect(table_, &DataTable::chosen, this, &ComparisonView::showChosen);
}

void ComparisonView::showChosen()
{
    const QModelIndexList rows = table_->selectionModel()->selectedRows();
    const TreeNode* const node = rows.isEmpty() ? nullptr : model_->node(rows.front());
    const compare::Change* const change = node ? changeOf(*comparison_, node->id) : nullptr;
    if (change)
        detail_->setChange(*change);
    else
        detail_->setWords(tr("Select a figure to see what it rests on."));
}

} // namespace poolscope
