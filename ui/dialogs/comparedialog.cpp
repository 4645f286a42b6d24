// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/comparedialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

CompareDialog::CompareDialog(const CompareScope& scope, const QString& folder,
                             const RecordingLook& look, QWidget* parent)
    : QDialog(parent)
    , scope_(scope)
    , before_(new CompareSide(scope, QStringLiteral("before"), folder, look, this))
    , after_(new CompareSide(scope, QStringLiteral("after"), folder, look, this))
    , cut_(parts::label(scope.cutWords, this, "secondary"))
    , redact_(new QCheckBox(tr("&Redact"), this))
    , compare_(new QPushButton(tr("Co&mpare"), this))
{
    setWindowTitle(tr("Compare"));
    before_->setAccessibleName(tr("Before"));
    after_->setAccessibleName(tr("After"));
    cut_->setObjectName(QStringLiteral("compareCut"));
    redact_->setObjectName(QStringLiteral("compareRedact"));
    redact_->setChecked(CompareWish{}.redact);
    compare_->setObjectName(QStringLiteral("startCompare"));
    layOut();
    propose();
    connect(before_, &CompareSide::changed, this, &CompareDialog::settle);
    connect(after_, &CompareSide::changed, this, &CompareDialog::settle);
    connect(before_, &CompareSide::sourceChosen, this, &CompareDialog::propose);
    connect(after_, &CompareSide::sourceChosen, this, &CompareDialog::propose);
    connect(compare_, &QPushButton::clicked, this, &CompareDialog::accept);
    settle();
}

void CompareDialog::layOut()
{
    const Theme& theme = Theme::current();
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins(theme.scaled(QMargins(20, 16, 20, 12)));
    layout->setSpacing(theme.scaled(10));
    layout->addWidget(parts::title(tr("Compare two recordings, or two ranges of one"), this));
    layout->addWidget(parts::label(
        tr("What changed in rates, use and wait times, in the lines of code that hold connections, "
           "in sessions, diagnoses and alerts.") +
            (scope_.growing ? QLatin1Char(' ') + tr("Recording goes on meanwhile.") : QString()),
        this, "secondary"));
    const auto add = [&](const QString& words, QWidget* side) {
        QLabel* const head = parts::label(words, this);
        head->setFont(theme.ui(13, QFont::DemiBold));
        head->setContentsMargins(0, theme.scaled(6), 0, 0);
        layout->addWidget(head);
        layout->addWidget(side);
    };
    add(tr("Before"), before_);
    add(tr("After"), after_);
    layout->addWidget(cut_);
    auto* const redact = new QVBoxLayout;
    redact->setContentsMargins(0, theme.scaled(6), 0, 0);
    redact->setSpacing(theme.scaled(4));
    redact->addWidget(redact_);
    redact->addWidget(
        parts::label(tr("For others to read: calls hosts, users and files otherwise, each the "
                        "same everywhere, on the screen as in what is copied and saved."),
                     this, "caption"));
    layout->addLayout(redact);
    layout->addStretch(1);
    parts::addFoot(layout, this, compare_);
    const int width = theme.scaled(760);
    resize(width, std::max(layout->totalHeightForWidth(width), sizeHint().height()));
}

/// One recording is cut in two; of two each is taken whole. What the user chose stays.
void CompareDialog::propose()
{
    const bool one = !before_->isFile() && !after_->isFile();
    cut_->setVisible(one);
    for (CompareSide* const side : {before_, after_}) {
        if (!side->isProposed())
            continue;
        if (!one)
            side->proposeAll();
        else if (side == before_)
            side->propose(scope_.start, scope_.cut);
        else
            side->propose(scope_.cut, scope_.end);
    }
}

void CompareDialog::settle()
{
    compare_->setEnabled(before_->trouble().isEmpty() && after_->trouble().isEmpty());
}

CompareWish CompareDialog::wish() const
{
    return {before_->wish(), after_->wish(), scope_.utc, redact_->isChecked()};
}

void CompareDialog::accept()
{
    if (compare_->isEnabled())
        QDialog::accept();
}

} // namespace poolscope
