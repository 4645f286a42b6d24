// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/comparisondialog.h"

#include "ui/dialogs/parts.h"
#include "ui/theme/theme.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScreen>
#include <QVBoxLayout>

namespace poolscope {

ComparisonDialog::ComparisonDialog(QWidget* view, const QString& text, const QString& folder,
                                   QWidget* parent)
    : QDialog(parent)
    , folder_(folder)
    , saved_(parts::label(QString(), this, "caption"))
    , save_(new QPushButton(tr("&Save…"), this))
{
    setWindowTitle(tr("Comparison"));
    setWindowFlag(Qt::WindowMaximizeButtonHint);
    const Theme& theme = Theme::current();
    auto* const layout = new QVBoxLayout(this);
    const int margin = theme.scaled(metrics::pageMargin);
    layout->setContentsMargins(margin, margin, margin, theme.scaled(12));
    layout->setSpacing(theme.scaled(12));
    view->setParent(this);
    layout->addWidget(view, 1);
    view->setFocus();
    layout->addWidget(parts::rule(this));
    auto* const foot = new QHBoxLayout;
    foot->setSpacing(theme.scaled(8));
    auto* const copy = new QPushButton(tr("&Copy as text"), this);
    copy->setObjectName(QStringLiteral("copyComparison"));
    copy->setAutoDefault(false);
    parts::copies(copy, [text] { return text; });
    save_->setObjectName(QStringLiteral("saveComparison"));
    save_->setAutoDefault(false);
    connect(save_, &QPushButton::clicked, this, &ComparisonDialog::chooseFile);
    saved_->setObjectName(QStringLiteral("comparisonSaved"));
    auto* const close = new QPushButton(tr("Close"), this);
    close->setObjectName(QStringLiteral("closeComparison"));
    close->setAutoDefault(false); // Enter in the table is no goodbye
    connect(close, &QPushButton::clicked, this, &QDialog::accept);
    foot->addWidget(copy);
    foot->addWidget(save_);
    foot->addWidget(saved_, 1);
    foot->addWidget(close);
    layout->addLayout(foot);
    const QSize wanted(theme.scaled(1120), theme.scaled(760));
    resize(wanted.boundedTo(screen()->availableSize() * 0.94));
    setMinimumSize(theme.sizeFor(*this, {720, 420}));
}

void ComparisonDialog::setSaved(const QString& words)
{
    saved_->setText(words);
}

void ComparisonDialog::chooseFile()
{
    const QString text = tr("Text (*.txt)");
    const QString json = tr("JSON (*.json)");
    auto* const dialog = new QFileDialog(this, tr("Write the comparison to"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setFileMode(QFileDialog::AnyFile);
    // Nothing is overwritten, and that is said.
    dialog->setOption(QFileDialog::DontConfirmOverwrite);
    dialog->setNameFilters({text, json});
    dialog->setDefaultSuffix(QStringLiteral("txt"));
    dialog->setDirectory(folder_);
    connect(dialog, &QFileDialog::filterSelected, dialog, [dialog, json](const QString& filter) {
        dialog->setDefaultSuffix(filter == json ? QStringLiteral("json") : QStringLiteral("txt"));
    });
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
        folder_ = QFileInfo(file).absolutePath();
        const bool asJson = file.endsWith(QLatin1String(".json"), Qt::CaseInsensitive);
        emit saveWanted(file, asJson ? Form::json : Form::text);
    });
    dialog->open();
    dialog->selectFile(tr("comparison.txt"));
}

} // namespace poolscope
