// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/reportdialog.h"

#include "ui/dialogs/parts.h"
#include "ui/models/formatter.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QDateTime>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {

constexpr int most_minutes = 60 * 24 * 7;
constexpr int most_names = 1000; ///< tried before one is proposed that is taken

} // namespace

ReportDialog::ReportDialog(const ReportScope& scope, const QString& folder, QWidget* parent)
    : QDialog(parent)
    , scope_(scope)
    , folder_(folder)
    , range_(new SegmentedControl({tr("All of it"), tr("As in the charts"), tr("The last minutes")},
                                  this))
    , minutes_(new QSpinBox(this))
    , rangeWords_(parts::label(QString(), this, "caption"))
    , format_(new SegmentedControl({tr("HTML"), tr("PDF")}, this))
    , formatWords_(parts::label(QString(), this, "caption"))
    , file_(new QLineEdit(this))
    , trouble_(parts::label(QString(), this, "caption"))
    , redact_(new QCheckBox(tr("&Redact"), this))
    , create_(new QPushButton(tr("Create re&port"), this))
    , free_(this, [this] { propose(); })
    , place_(this, [this] {
        explain();
        if (std::exchange(acceptsLater_, false) && create_->isEnabled())
            QDialog::accept();
    })
{
    setWindowTitle(tr("Incident report"));
    range_->setObjectName(QStringLiteral("reportRange"));
    range_->setAccessibleName(tr("Range"));
    minutes_->setObjectName(QStringLiteral("reportMinutes"));
    minutes_->setAccessibleName(tr("Minutes"));
    minutes_->setRange(1, most_minutes);
    minutes_->setValue(ReportWish{}.minutes);
    rangeWords_->setObjectName(QStringLiteral("reportRangeWords"));
    format_->setObjectName(QStringLiteral("reportFormat"));
    format_->setAccessibleName(tr("Format"));
    file_->setObjectName(QStringLiteral("reportFile"));
    file_->setAccessibleName(tr("File"));
    file_->setMaxLength(4096);
    trouble_->setObjectName(QStringLiteral("reportTrouble"));
    redact_->setObjectName(QStringLiteral("reportRedact"));
    redact_->setChecked(true);
    create_->setObjectName(QStringLiteral("createReport"));
    file_->setText(stem() + suffix());
    propose();
    layOut();
    connect(range_, &SegmentedControl::chosen, this, &ReportDialog::explain);
    connect(minutes_, &QSpinBox::valueChanged, this, &ReportDialog::explain);
    connect(format_, &SegmentedControl::chosen, this, &ReportDialog::changeFormat);
    connect(file_, &QLineEdit::textChanged, this, [this] {
        acceptsLater_ = false;
        explain();
    });
    connect(create_, &QPushButton::clicked, this, &ReportDialog::accept);
    explain();
}

void ReportDialog::layOut()
{
    const Theme& theme = Theme::current();
    auto* const layout = new QVBoxLayout(this);
    layout->setContentsMargins(theme.scaled(QMargins(20, 16, 20, 12)));
    layout->setSpacing(theme.scaled(10));
    layout->addWidget(parts::title(tr("Incident report"), this));
    layout->addWidget(parts::label(
        tr("What happened when and why, charts, leaks with their lines, who waited behind whom, "
           "actions, settings and notes: one file for the post-mortem.") +
            (scope_.growing ? QLatin1Char(' ') + tr("Recording goes on meanwhile.") : QString()),
        this, "secondary"));
    auto* const grid = new QGridLayout;
    grid->setHorizontalSpacing(theme.scaled(12));
    grid->setVerticalSpacing(theme.scaled(4));
    const auto caption = [&](int row, const QString& text) {
        QLabel* const label = parts::label(text, this);
        label->setWordWrap(false);
        grid->addWidget(label, row, 0);
        return label;
    };
    caption(0, tr("Range"));
    auto* const range = new QHBoxLayout;
    range->setSpacing(theme.scaled(8));
    range->addWidget(range_);
    range->addWidget(minutes_);
    range->addStretch(1);
    grid->addLayout(range, 0, 1, 1, 2);
    grid->addWidget(rangeWords_, 1, 1, 1, 2);
    grid->setRowMinimumHeight(2, theme.scaled(6));
    caption(3, tr("Format"));
    auto* const format = new QHBoxLayout;
    format->addWidget(format_);
    format->addStretch(1);
    grid->addLayout(format, 3, 1, 1, 2);
    grid->addWidget(formatWords_, 4, 1, 1, 2);
    grid->setRowMinimumHeight(5, theme.scaled(6));
    caption(6, tr("&File"))->setBuddy(file_);
    grid->addWidget(file_, 6, 1);
    auto* const choose = new QPushButton(tr("&Choose…"), this);
    choose->setAutoDefault(false);
    connect(choose, &QPushButton::clicked, this, &ReportDialog::chooseFile);
    grid->addWidget(choose, 6, 2);
    grid->addWidget(trouble_, 7, 1, 1, 2);
    grid->setRowMinimumHeight(8, theme.scaled(6));
    grid->addWidget(redact_, 9, 1, 1, 2);
    grid->addWidget(
        parts::label(tr("Replaces literals of statements, hosts, names of users, values "
                        "of tags and notes. Without it the report holds them all."),
                     this, "caption"),
        10, 1, 1, 2);
    grid->setColumnStretch(1, 1);
    layout->addLayout(grid);
    layout->addStretch(1);
    parts::addFoot(layout, this, create_);
    const int width = theme.scaled(640);
    resize(width, std::max(layout->totalHeightForWidth(width), sizeHint().height()));
}

QString ReportDialog::suffix() const
{
    return format_->current() == 1 ? QStringLiteral(".pdf") : QStringLiteral(".html");
}

QString ReportDialog::file() const
{
    QString name = file_->text().trimmed();
    if (name.isEmpty() || name.endsWith(QLatin1Char('/')))
        return {};
    if (!name.endsWith(suffix(), Qt::CaseInsensitive))
        name += suffix();
    return QDir::cleanPath(QDir(folder_).absoluteFilePath(name));
}

QString ReportDialog::stem() const
{
    const auto ms = to_us(scope_.start) / 1000;
    const QDateTime start =
        QDateTime::fromMSecsSinceEpoch(ms, scope_.utc ? Qt::UTC : Qt::LocalTime);
    return QDir(folder_).filePath(
        tr("incident-%1").arg(start.toString(QStringLiteral("yyyy-MM-dd-HHmm"))));
}

void ReportDialog::propose()
{
    const QString first = stem() + suffix();
    const auto name = free_.at(first, [first, stem = stem(), suffix = suffix()] {
        QString found = first;
        for (int i = 2; i < most_names && QFileInfo::exists(found); ++i)
            found = QStringLiteral("%1-%2%3").arg(stem).arg(i).arg(suffix);
        return found;
    });
    if (name && file_->text() == first)
        file_->setText(*name);
}

QString ReportDialog::trouble()
{
    const QString chosen = file();
    if (chosen.isEmpty())
        return tr("Name the file to write.");
    return place_.at(chosen, [chosen] { return troubleWith(chosen); })
        .value_or(tr("The disk has not said yet what can be written there."));
}

QString ReportDialog::troubleWith(const QString& chosen)
{
    const QFileInfo info(chosen);
    const QFileInfo folder(info.absolutePath());
    if (info.exists() || info.isSymLink())
        return tr("%1 exists already, and is not overwritten. Choose another name.")
            .arg(info.fileName().left(200));
    if (!folder.isDir())
        return tr("There is no such folder. Choose another one.");
    if (!folder.isWritable())
        return tr("Nothing can be written into this folder. Choose another one.");
    return {};
}

QString ReportDialog::rangeInWords() const
{
    Timestamp from = scope_.start;
    Timestamp to = scope_.end;
    if (range_->current() == 1) {
        from = std::clamp(scope_.visibleFrom, scope_.start, scope_.end);
        to = std::clamp(scope_.visibleTo, from, scope_.end);
    } else if (range_->current() == 2) {
        from = std::max(scope_.start, scope_.end - std::chrono::minutes{minutes_->value()});
    }
    const Formatter format(scope_.utc);
    const Timestamp now = timestamp_from_us(QDateTime::currentMSecsSinceEpoch() * 1000);
    const QString words = scope_.utc ? tr("%1 to %2 in UTC, %3") : tr("%1 to %2 local time, %3");
    return words.arg(format.instant(from, now), format.instant(to, now),
                     Formatter::ageProse(to - from));
}

void ReportDialog::explain()
{
    minutes_->setEnabled(range_->current() == 2);
    rangeWords_->setText(rangeInWords());
    formatWords_->setText(format_->current() == 1
                              ? tr("A4, to print or to mail.")
                              : tr("One file for any browser, without script, light and dark."));
    const QString why = trouble();
    trouble_->setText(why);
    create_->setEnabled(why.isEmpty());
}

void ReportDialog::changeFormat()
{
    acceptsLater_ = false;
    QString name = file_->text().trimmed();
    const QString other =
        format_->current() == 1 ? QStringLiteral(".html") : QStringLiteral(".pdf");
    if (name.endsWith(other, Qt::CaseInsensitive)) {
        name.chop(other.size());
        name += suffix();
        file_->setText(name);
    }
    explain();
}

void ReportDialog::chooseFile()
{
    auto* const dialog = new QFileDialog(this, tr("Write the report to"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setFileMode(QFileDialog::AnyFile);
    // This dialog says what is so: nothing is overwritten.
    dialog->setOption(QFileDialog::DontConfirmOverwrite);
    dialog->setNameFilters({format_->current() == 1 ? tr("PDF (*.pdf)") : tr("HTML (*.html)")});
    dialog->setDefaultSuffix(suffix().mid(1));
    if (const QString chosen = file(); !chosen.isEmpty()) {
        dialog->setDirectory(QFileInfo(chosen).absolutePath());
        dialog->selectFile(QFileInfo(chosen).fileName());
    }
    connect(dialog, &QFileDialog::fileSelected, file_, &QLineEdit::setText);
    dialog->open();
}

ReportWish ReportDialog::wish() const
{
    ReportWish wish;
    wish.range = static_cast<ReportWish::Range>(std::clamp(range_->current(), 0, 2));
    wish.minutes = minutes_->value();
    wish.redact = redact_->isChecked();
    wish.pdf = format_->current() == 1;
    wish.file = file();
    return wish;
}

void ReportDialog::accept()
{
    // The folder may have changed since it was looked at.
    place_.forget();
    acceptsLater_ = false;
    explain();
    if (create_->isEnabled())
        QDialog::accept();
    else
        acceptsLater_ = !file().isEmpty() && !place_.at(file(), {}); // the disk has but to answer
}

} // namespace poolscope
