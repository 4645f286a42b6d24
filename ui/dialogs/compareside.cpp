// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/compareside.h"

#include "ui/dialogs/parts.h"
#include "ui/models/formatter.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"

#include <QDateTimeEdit>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPointer>
#include <QPushButton>

#include <algorithm>

namespace poolscope {

using namespace std::chrono_literals;

namespace {

constexpr int written_ms = 250; ///< without a key, a name is written

QDateTime inFields(Timestamp time, bool utc)
{
    return QDateTime::fromMSecsSinceEpoch(to_us(time) / 1000, utc ? Qt::UTC : Qt::LocalTime);
}

} // namespace

CompareSide::CompareSide(const CompareScope& scope, const QString& name, const QString& folder,
                         RecordingLook look, QWidget* parent)
    : QWidget(parent)
    , scope_(scope)
    , folder_(folder)
    , look_(std::move(look))
    , which_(new SegmentedControl({tr("This recording"), tr("Another file")}, this))
    , file_(new QLineEdit(this))
    , choose_(new QPushButton(tr("Choose…"), this))
    , range_(new SegmentedControl({tr("All of it"), tr("As in the charts"), tr("From, to")}, this))
    , from_(new QDateTimeEdit(this))
    , to_(new QDateTimeEdit(this))
    , words_(parts::label(QString(), this, "caption"))
{
    which_->setObjectName(name + QStringLiteral("Which"));
    which_->setAccessibleName(tr("Recording"));
    file_->setObjectName(name + QStringLiteral("File"));
    file_->setAccessibleName(tr("File"));
    file_->setPlaceholderText(tr("Another recording"));
    file_->setMaxLength(4096);
    choose_->setAutoDefault(false);
    range_->setObjectName(name + QStringLiteral("Range"));
    range_->setAccessibleName(tr("Range"));
    from_->setObjectName(name + QStringLiteral("From"));
    from_->setAccessibleName(tr("From"));
    to_->setObjectName(name + QStringLiteral("To"));
    to_->setAccessibleName(tr("To"));
    words_->setObjectName(name + QStringLiteral("Words"));
    for (QDateTimeEdit* const each : {from_, to_}) {
        each->setTimeSpec(scope.utc ? Qt::UTC : Qt::LocalTime);
        each->setDisplayFormat(QStringLiteral("yyyy-MM-dd HH:mm:ss"));
        each->setFont(Theme::current().mono());
        each->setButtonSymbols(QAbstractSpinBox::NoButtons); // the arrow keys turn each part
    }
    which_->setCurrent(scope.any ? 0 : 1);
    which_->setEnabled(scope.any);
    if (scope.any)
        setLimits(scope.start, scope.end);
    layOut();
    wait_.setSingleShot(true);
    wait_.setInterval(written_ms);
    connect(&wait_, &QTimer::timeout, this, &CompareSide::lookAtFile);
    connect(which_, &SegmentedControl::chosen, this, [this] {
        if (known())
            setLimits(begin(), end());
        else
            lookAtFile();
        settle();
        emit sourceChosen();
    });
    connect(file_, &QLineEdit::textChanged, this, [this] {
        wait_.start();
        settle();
    });
    connect(choose_, &QPushButton::clicked, this, &CompareSide::chooseFile);
    const auto chosen = [this] {
        proposed_ = false;
        settle();
    };
    connect(range_, &SegmentedControl::chosen, this, chosen);
    connect(from_, &QDateTimeEdit::dateTimeChanged, this, chosen);
    connect(to_, &QDateTimeEdit::dateTimeChanged, this, chosen);
    settle();
}

void CompareSide::layOut()
{
    auto* const grid = new QGridLayout(this);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(Theme::current().scaled(12));
    grid->setVerticalSpacing(Theme::current().scaled(6));
    grid->setColumnMinimumWidth(0, Theme::current().scaled(76));
    grid->setColumnStretch(1, 1);
    const auto caption = [&](int row, const QString& text) {
        QLabel* const label = parts::label(text, this);
        label->setWordWrap(false);
        grid->addWidget(label, row, 0);
    };
    const auto inRow = [](std::initializer_list<QWidget*> widgets) {
        auto* const row = new QHBoxLayout;
        row->setSpacing(Theme::current().scaled(8));
        for (QWidget* const each : widgets)
            row->addWidget(each, qobject_cast<QLineEdit*>(each) ? 1 : 0);
        return row;
    };
    caption(0, tr("Recording"));
    QHBoxLayout* const recording = inRow({which_, file_, choose_});
    recording->addStretch();
    grid->addLayout(recording, 0, 1);
    caption(1, tr("Range"));
    QLabel* const dash = parts::label(tr("to"), this);
    QHBoxLayout* const range = inRow({range_, from_, dash, to_});
    range->addStretch(1);
    grid->addLayout(range, 1, 1);
    grid->addWidget(words_, 2, 1);
}

void CompareSide::propose(Timestamp from, Timestamp to)
{
    range_->setCurrent(between);
    from_->setDateTime(inFields(from, scope_.utc));
    // A field knows no microseconds: the end itself is in it.
    to_->setDateTime(inFields(to < scope_.end ? to : to + 1ms, scope_.utc));
    proposed_ = true;
    settle();
}

void CompareSide::proposeAll()
{
    range_->setCurrent(all);
    proposed_ = true;
    settle();
}

bool CompareSide::isFile() const
{
    return which_->current() == 1;
}

QString CompareSide::file() const
{
    const QString name = file_->text().trimmed();
    return name.isEmpty() ? QString() : QDir::cleanPath(QDir(folder_).absoluteFilePath(name));
}

bool CompareSide::known() const
{
    return !isFile() || (info_ && looked_ == file());
}

Timestamp CompareSide::begin() const
{
    return !isFile() ? scope_.start : info_ ? info_->started : Timestamp{};
}

Timestamp CompareSide::end() const
{
    // A clock that was set back may have ended it before it began.
    return std::max(begin(), !isFile() ? scope_.end : info_ ? info_->ended : Timestamp{});
}

/// The fields know no microseconds: their first value is the begin, their last one the end.
Timestamp CompareSide::from() const
{
    if (range_->current() == all)
        return begin();
    if (range_->current() == visible)
        return std::clamp(scope_.visibleFrom, begin(), end());
    return std::clamp(timestamp_from_us(from_->dateTime().toMSecsSinceEpoch() * 1000), begin(),
                      end());
}

Timestamp CompareSide::to() const
{
    if (range_->current() == all)
        return end();
    if (range_->current() == visible)
        return std::clamp(scope_.visibleTo, begin(), end());
    return std::clamp(timestamp_from_us(to_->dateTime().toMSecsSinceEpoch() * 1000), begin(),
                      end());
}

void CompareSide::setLimits(Timestamp start, Timestamp end)
{
    const QDateTime first = inFields(start, scope_.utc);
    const QDateTime last = inFields(end + 999ms, scope_.utc);
    for (QDateTimeEdit* const each : {from_, to_}) {
        const QSignalBlocker quiet(each);
        each->clearMinimumDateTime();
        each->clearMaximumDateTime();
        each->setDateTimeRange(first, last);
        each->setDateTime(each == from_ ? first : last);
    }
}

void CompareSide::lookAtFile()
{
    wait_.stop();
    const QString wanted = file();
    if (!isFile() || wanted.isEmpty() || (wanted == looked_ && info_))
        return;
    info_.reset();
    unreadable_.clear();
    looked_ = wanted;
    look_(wanted, [self = QPointer<CompareSide>(this), wanted](const Result<RecordingInfo>& info) {
        if (!self || self->looked_ != wanted)
            return;
        if (info) {
            self->info_ = info.value();
            if (self->isFile())
                self->setLimits(info.value().started, info.value().ended);
        } else {
            self->unreadable_ =
                Formatter::line(info.error().sentence + ' ' + info.error().next_step, 600);
        }
        self->settle();
    });
    settle();
}

QString CompareSide::trouble() const
{
    if (isFile()) {
        const QString chosen = file();
        if (chosen.isEmpty())
            return tr("Name the other recording.");
        if (looked_ == chosen && !unreadable_.isEmpty())
            return unreadable_;
        if (!known())
            return tr("Looking into the file…");
        if (info_->observations == 0)
            return tr("Nothing was observed in that recording. Choose another one.");
    }
    if (isFile() && range_->current() == visible)
        return tr("The charts show this recording, not that file. Choose another range.");
    if (to() <= from())
        return range_->current() == between
                   ? tr("Nothing is between these two. Give the range a later end.")
                   : tr("This range holds no time. Choose another one.");
    return {};
}

QString CompareSide::rangeInWords() const
{
    if (!known())
        return {};
    const Formatter format(scope_.utc);
    const Timestamp now = timestamp_from_us(QDateTime::currentMSecsSinceEpoch() * 1000);
    const QString words = scope_.utc ? tr("%1 to %2 in UTC, %3") : tr("%1 to %2 local time, %3");
    return words.arg(format.instant(from(), now), format.instant(to(), now),
                     Formatter::ageProse(std::max(Duration{}, to() - from())));
}

void CompareSide::settle()
{
    file_->setVisible(isFile());
    choose_->setVisible(isFile());
    const bool fields = range_->current() == between;
    from_->setEnabled(fields && known());
    to_->setEnabled(fields && known());
    const QString why = trouble();
    words_->setText(why.isEmpty() ? rangeInWords() : why);
    emit changed();
}

void CompareSide::chooseFile()
{
    auto* const dialog = new QFileDialog(this, tr("Compare with"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptOpen);
    dialog->setFileMode(QFileDialog::ExistingFile);
    dialog->setNameFilters({tr("Recordings (*.poolrec)"), tr("All files (*)")});
    const QString chosen = file();
    dialog->setDirectory(chosen.isEmpty() ? folder_ : QFileInfo(chosen).absolutePath());
    connect(dialog, &QFileDialog::fileSelected, file_, &QLineEdit::setText);
    dialog->open();
}

CompareRange CompareSide::wish() const
{
    CompareRange range;
    range.file = isFile() ? file() : QString();
    range.name = isFile() ? QFileInfo(range.file).fileName() : scope_.name;
    if (range_->current() != all) {
        range.from = from();
        range.to = to();
    }
    return range;
}

} // namespace poolscope
