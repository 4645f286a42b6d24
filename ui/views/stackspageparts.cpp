// SPDX-License-Identifier: GPL-3.0-or-later
// What the page consists of.
#include "ui/theme/icons.h"
#include "ui/theme/panel.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/icicleview.h"
#include "ui/views/linkbutton.h"
#include "ui/views/rowdelegate.h"
#include "ui/views/stackspage.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollArea>

namespace poolscope {

namespace {

constexpr int mostCrumbs = 6;

QLabel* plainLabel(QWidget* parent, const char* role)
{
    auto* const label = new QLabel(parent);
    label->setTextFormat(Qt::PlainText);
    label->setProperty("role", QLatin1String(role));
    return label;
}

} // namespace

void StacksPage::makeBar()
{
    bar_ = new QWidget(this);
    auto* const box = new QHBoxLayout(bar_);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(Theme::current().scaled(8));
    const auto caption = [&](const QString& words) {
        QLabel* const label = plainLabel(bar_, "secondary");
        label->setText(words);
        box->addWidget(label);
    };
    caption(tr("Held"));
    span_ = new SegmentedControl({tr("Now"), tr("Over the visible range")}, bar_);
    span_->setAccessibleName(tr("Held"));
    box->addWidget(span_);
    box->addSpacing(Theme::current().scaled(8));
    caption(tr("Width is"));
    weight_ = new SegmentedControl({tr("Time held"), tr("Checkouts")}, bar_);
    weight_->setAccessibleName(tr("Width is"));
    box->addWidget(weight_);
    box->addStretch(1);
    found_ = plainLabel(bar_, "secondary");
    found_->setObjectName(QStringLiteral("found"));
    box->addWidget(found_);
    search_ = new QLineEdit(bar_);
    search_->setFixedWidth(Theme::current().scaled(240));
    search_->setClearButtonEnabled(true);
    search_->setMaxLength(200);
    search_->setPlaceholderText(tr("Find functions and files"));
    search_->setAccessibleName(tr("Find functions and files"));
    search_->addAction(themedIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    box->addWidget(search_);
    layout_->addWidget(bar_);
    connect(span_, &SegmentedControl::chosen, this, [this] {
        ask(); // the range may be another one than when it was asked last
        rebuild();
    });
    connect(weight_, &SegmentedControl::chosen, this, &StacksPage::rebuild);
    connect(search_, &QLineEdit::textChanged, this, &StacksPage::searched);
}

void StacksPage::makePanel()
{
    const Theme& theme = Theme::current();
    const int pad = theme.scaled(metrics::panelPadding);
    panel_ = new Panel(this);
    auto* const box = new QVBoxLayout(panel_);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    auto* const head = new QWidget(panel_);
    head->setFixedHeight(theme.scaled(metrics::panelHead));
    crumbBox_ = new QHBoxLayout(head);
    crumbBox_->setContentsMargins(pad, 0, pad, 0);
    crumbBox_->setSpacing(theme.scaled(8));
    for (int i = 0; i < mostCrumbs; ++i) {
        auto* const crumb = new LinkButton(head);
        crumb->setObjectName(QStringLiteral("crumb%1").arg(i));
        connect(crumb, &QPushButton::clicked, this,
                [this, crumb] { icicle_->zoomTo(crumb->property("cell").toInt()); });
        crumbs_.push_back(crumb);
        crumbBox_->addWidget(crumb);
    }
    here_ = plainLabel(head, "");
    here_->setFont(theme.ui(13, QFont::DemiBold));
    crumbBox_->addWidget(here_);
    crumbBox_->addStretch(1);
    total_ = plainLabel(head, "secondary");
    total_->setObjectName(QStringLiteral("heldTotal"));
    crumbBox_->addWidget(total_);
    box->addWidget(head);

    icicle_ = new IcicleView;
    scroll_ = new QScrollArea(panel_);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setWidgetResizable(true);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->setFocusPolicy(Qt::NoFocus);
    scroll_->setWidget(icicle_);
    box->addWidget(scroll_);

    auto* const foot = new QHBoxLayout;
    foot->setContentsMargins(pad, theme.scaled(8), pad, theme.scaled(10));
    foot->setSpacing(theme.scaled(8));
    auto* const lines = new QVBoxLayout;
    lines->setSpacing(theme.scaled(2));
    name_ = plainLabel(panel_, "");
    name_->setFont(theme.mono(12));
    name_->setObjectName(QStringLiteral("cellName"));
    words_ = plainLabel(panel_, "secondary");
    words_->setObjectName(QStringLiteral("cellWords"));
    for (QLabel* const label : {name_, words_}) {
        label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
        lines->addWidget(label);
    }
    foot->addLayout(lines, 1);
    copy_ = new QPushButton(themedIcon(QStringLiteral("copy")), tr("Copy stack"), panel_);
    copy_->setToolTip(tr("Ctrl+Shift+C"));
    connect(copy_, &QPushButton::clicked, this, &StacksPage::copyStack);
    foot->addWidget(copy_);
    box->addLayout(foot);
    layout_->addWidget(panel_);

    connect(icicle_, &IcicleView::zoomChanged, this, [this] {
        crumbs();
        tellCell();
    });
    connect(icicle_, &IcicleView::hoverChanged, this, [this] { tellCell(); });
    connect(icicle_, &IcicleView::currentChanged, this, [this] {
        tellCell();
        chooseRow();
        if (const QRectF at = icicle_->rectOf(icicle_->current()); !at.isEmpty())
            scroll_->ensureVisible(0, static_cast<int>(at.center().y()), 0,
                                   static_cast<int>(at.height()));
    });
}

void StacksPage::makeTable()
{
    linesPanel_ = new Panel(this);
    auto* const box = new QVBoxLayout(linesPanel_);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    linesHead_ = new SectionHead(tr("Acquiring lines"), linesPanel_);
    box->addWidget(linesHead_);
    table_ = new DataTable(QStringLiteral("stacks"), false, linesPanel_);
    table_->setModel(model_.get());
    table_->rows().setGlyphColumns(-1, static_cast<int>(HeldColumn::function));
    table_->setFrameShape(QFrame::NoFrame);
    table_->setStyleSheet(QStringLiteral("QTreeView { border: none; }"));
    table_->setAccessibleName(tr("Acquiring lines, heaviest first"));
    table_->setRootIsDecorated(false);
    table_->setIndentation(0);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setWidths({240, 220, 140, 90, 64, 92, 76, 100});
    table_->setAutomaticColumns([](int column, int width) {
        const Theme& theme = Theme::current();
        switch (static_cast<HeldColumn>(column)) {
        case HeldColumn::note: // severity's glyph stands before the function
        case HeldColumn::checkouts:
            return width >= theme.scaled(760);
        default:
            return true;
        }
    });
    table_->setSortingEnabled(false);
    table_->restoreColumns(-1, Qt::AscendingOrder);
    box->addWidget(table_, 1);
    layout_->addWidget(linesPanel_, 1000);
    connect(table_, &DataTable::chosen, this, &StacksPage::rowChosen);
    connect(table_, &DataTable::letter, this, [this](int key) {
        if (key == Qt::Key_G)
            nextGrouping();
    });
}

} // namespace poolscope
