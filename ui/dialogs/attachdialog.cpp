// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/attachdialog.h"

#include "ui/dialogs/attachlist.h"
#include "ui/dialogs/attachtest.h"
#include "ui/dialogs/parts.h"
#include "ui/models/findaside.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

namespace {

QString shown(Duration duration)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    return ms % 1000 == 0 ? QStringLiteral("%1 s").arg(ms / 1000) : QStringLiteral("%1 ms").arg(ms);
}

/// "1 s", "30s", "5m"; a bare number is seconds.
std::optional<Duration> read(const QString& text)
{
    QString compact = text;
    compact.remove(QLatin1Char(' '));
    bool number = false;
    compact.toUInt(&number);
    if (number)
        compact += QLatin1Char('s');
    return parse_duration(compact.toStdString());
}

QString kindOf(const QString& target, TargetKind kind)
{
    if (kind == TargetKind::recording)
        return AttachDialog::tr("A recording; it opens in replay.");
    if (kind == TargetKind::demo)
        return AttachDialog::tr("The demo: an application of Poolscope's own that leaks.");
    const TargetFamily family = familyOf(target);
    if (family == TargetFamily::process)
        return AttachDialog::tr("The pools of a process, by its agent.");
    if (family != TargetFamily::postgresql)
        return AttachDialog::tr("%1. It needs: %2.")
            .arg(wordsOf(target).name, wordsOf(target).needs);
    if (target.contains(QStringLiteral("://")))
        return AttachDialog::tr("PostgreSQL by URL.");
    if (target.trimmed().startsWith(QStringLiteral("service=")))
        return AttachDialog::tr("PostgreSQL by service.");
    return AttachDialog::tr("PostgreSQL by conninfo.");
}

QString saferPlace(TargetFamily family)
{
    return family == TargetFamily::mysql     ? QStringLiteral("~/.my.cnf")
           : family == TargetFamily::metrics ? QStringLiteral("POOLSCOPE_METRICS_TOKEN")
                                             : QStringLiteral("~/.pgpass");
}

bool holdsSecret(const QString& target)
{
    return target.contains(QStringLiteral("password"), Qt::CaseInsensitive) ||
           (target.contains(QStringLiteral("://")) && target.section(QStringLiteral("://"), 1)
                                                          .section(QLatin1Char('@'), 0, -2)
                                                          .contains(QLatin1Char(':')));
}

} // namespace

AttachDialog::AttachDialog(const AttachChoice& defaults, QSettings& settings, bool redactFixed,
                           QWidget* parent, const AttachFinders& finders)
    : QDialog(parent)
    , settings_(settings)
    , target_(new QLineEdit(this))
    , ssh_(new QLineEdit(this))
    , interval_(new QLineEdit(this))
    , alert_(new QLineEdit(this))
    , critical_(new QLineEdit(this))
    , readOnly_(new QCheckBox(tr("&Read-only, no commands"), this))
    , redact_(new QCheckBox(tr("Redact &literals in recordings"), this))
    , recognised_(parts::label(QString(), this, "caption"))
    , foot_(parts::label(QString(), this, "caption"))
    , testButton_(new QPushButton(tr("T&est"), this))
    , attach_(new QPushButton(tr("&Attach"), this))
    , list_(new AttachList(RecentTargets(settings).all(), QDateTime::currentDateTime(), this))
    , test_(new AttachTest(this))
    , isPath_(finders.isPath)
    , look_(this, [this] {
        recognise();
        if (std::exchange(acceptsLater_, false))
            accept();
    })
{
    setWindowTitle(tr("Attach"));
    const Theme& theme = Theme::current();
    resize(theme.sizeFor(*this, {1080, 680}));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(theme.scaled(QMargins(16, 16, 16, 12)));
    layout->setSpacing(theme.scaled(10));
    addTarget(layout);
    layout->addWidget(list_, 1);
    auto* lower = new QHBoxLayout;
    lower->setSpacing(theme.scaled(16));
    test_->setMinimumHeight(theme.scaled(140));
    lower->addWidget(test_, 1);
    auto* options = new QGridLayout;
    addOptions(options, defaults, redactFixed);
    lower->addLayout(options);
    layout->addLayout(lower);
    addFoot(layout);

    connect(target_, &QLineEdit::textChanged, this, &AttachDialog::recognise);
    for (QLineEdit* edit : {interval_, alert_, critical_})
        connect(edit, &QLineEdit::textChanged, this, &AttachDialog::recognise);
    connect(target_, &QLineEdit::returnPressed, this, [this] {
        // The button takes it, once it can.
        acceptsLater_ = !attach_->isEnabled() && !path_ && !lookedFor_.isEmpty();
    });
    connect(list_, &AttachList::pickedChanged, this, &AttachDialog::picked);
    connect(list_, &AttachList::chosen, this, &AttachDialog::accept);
    connect(list_, &AttachList::formChosen, this, &AttachDialog::fillForm);
    connect(list_, &AttachList::removeRequested, this,
            [this](const QString& target, const QString& ssh) {
                RecentTargets(settings_).remove(target, ssh);
            });
    for (const QLineEdit* edit : {target_, ssh_})
        connect(edit, &QLineEdit::textChanged, this, [this] {
            test_->forget();
            testButton_->setText(tr("T&est"));
            acceptsLater_ = false;
        });
    connect(test_, &AttachTest::finished, this, [this] { testButton_->setText(tr("T&est")); });
    findAside<std::vector<LocalPool>>(list_, finders.pools,
                                      [this](const auto& pools) { list_->setLocalPools(pools); });
    findAside<std::vector<ServiceEntry>>(
        list_, finders.services, [this](const auto& services) { list_->setServices(services); });
    recognise();
    target_->setFocus();
}

AttachDialog::~AttachDialog()
{
    target_->clear();
}

void AttachDialog::addTarget(QVBoxLayout* layout)
{
    const Theme& theme = Theme::current();
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(theme.scaled(8));
    grid->setVerticalSpacing(theme.scaled(4));
    grid->setColumnMinimumWidth(0, theme.scaled(60));
    QLabel* label = parts::label(tr("&Target"), this);
    label->setBuddy(target_);
    grid->addWidget(label, 0, 0);
    target_->setFont(theme.mono());
    target_->setObjectName(QStringLiteral("target"));
    target_->setAccessibleName(tr("Target"));
    target_->setPlaceholderText(tr("postgresql://dba@db1/shop"));
    grid->addWidget(target_, 0, 1);
    testButton_->setAutoDefault(false);
    connect(testButton_, &QPushButton::clicked, this, &AttachDialog::runTest);
    grid->addWidget(testButton_, 0, 2);
    recognised_->setObjectName(QStringLiteral("recognised"));
    grid->addWidget(recognised_, 1, 1, 1, 2);
    QLabel* sshLabel = parts::label(tr("SSH &host"), this);
    sshLabel->setWordWrap(false);
    sshLabel->setBuddy(ssh_);
    grid->addWidget(sshLabel, 2, 0);
    ssh_->setFont(theme.mono());
    ssh_->setAccessibleName(tr("SSH host"));
    ssh_->setPlaceholderText(tr("directly; else a bastion, through your own ssh"));
    grid->addWidget(ssh_, 2, 1, 1, 2);
    layout->addLayout(grid);
}

void AttachDialog::addOptions(QGridLayout* grid, const AttachChoice& defaults, bool redactFixed)
{
    const Theme& theme = Theme::current();
    grid->setVerticalSpacing(theme.scaled(6));
    const std::pair<QString, QLineEdit*> fields[] = {
        {tr("&Poll every"), interval_},
        {tr("Lea&k after"), alert_},
        {tr("C&ritical after"), critical_},
    };
    int row = 0;
    for (const auto& [text, edit] : fields) {
        QLabel* label = parts::label(text, this);
        if (edit == interval_)
            pollLabel_ = label;
        label->setWordWrap(false);
        label->setBuddy(edit);
        grid->addWidget(label, row, 0);
        edit->setFont(theme.mono());
        edit->setFixedWidth(theme.scaled(84));
        edit->setAccessibleName(QString(text).remove(QLatin1Char('&')));
        grid->addWidget(edit, row++, 1);
    }
    interval_->setText(shown(defaults.interval));
    usual_ = shown(usualInterval(QString()));
    alert_->setText(shown(defaults.thresholds.alert));
    critical_->setText(shown(defaults.thresholds.critical));
    readOnly_->setChecked(defaults.readOnly);
    redact_->setChecked(defaults.redact);
    redact_->setEnabled(!redactFixed);
    grid->addWidget(readOnly_, row++, 0, 1, 2);
    grid->addWidget(redact_, row++, 0, 1, 2);
    if (redactFixed)
        grid->addWidget(parts::label(tr("decided by the recording under way"), this, "caption"),
                        row++, 0, 1, 2);
    grid->setRowStretch(row, 1);
}

void AttachDialog::addFoot(QVBoxLayout* layout)
{
    layout->addWidget(parts::rule(this));
    auto* row = new QHBoxLayout;
    row->setSpacing(Theme::current().scaled(8));
    foot_->setObjectName(QStringLiteral("foot"));
    row->addWidget(foot_, 1);
    auto* instrument = new QPushButton(tr("&Instrument a pool…"), this);
    instrument->setAutoDefault(false);
    connect(instrument, &QPushButton::clicked, this, &AttachDialog::instrumentWanted);
    row->addWidget(instrument);
    auto* cancel = new QPushButton(tr("Cancel"), this);
    cancel->setAutoDefault(false);
    connect(cancel, &QPushButton::clicked, this, &QDialog::reject);
    row->addWidget(cancel);
    attach_->setProperty("kind", QStringLiteral("primary"));
    attach_->setDefault(true);
    connect(attach_, &QPushButton::clicked, this, &AttachDialog::accept);
    row->addWidget(attach_);
    layout->addLayout(row);
}

void AttachDialog::setTarget(const QString& target, const QString& sshHost)
{
    offered_ = target.trimmed();
    target_->setText(target);
    target_->setCursorPosition(0);
    ssh_->setText(sshHost);
}

void AttachDialog::recognise()
{
    if (!filling_ && !target_->text().isEmpty() && target_->text() != list_->form()) {
        const QSignalBlocker quiet(list_);
        list_->clearSelection();
    }
    const QString target = target_->text().trimmed();
    const std::size_t several = list_->picked().size();
    bool usable = false;
    bool live = true;
    bool pool = false;
    if (target.isEmpty() && several > 1) {
        recognised_->setText(tr("%1 targets, picked below; all are attached.").arg(several));
        usable = true;
    } else if (target.isEmpty()) {
        recognised_->setText(tr("Takes a libpq conninfo or service=, an address as listed below, "
                                "pool+unix://, demo:, or a file."));
    } else if (target == list_->form()) {
        const TargetWords& words = wordsOf(target);
        pool = words.family == TargetFamily::process;
        recognised_->setText(tr("%1: put its host in. It needs: %2.").arg(words.name, words.needs));
    } else if (lookFor(target); const auto kind = classify(target)) {
        live = kind.value() != TargetKind::recording;
        pool = kind.value() == TargetKind::pool || kind.value() == TargetKind::demo;
        recognised_->setText(kindOf(target, kind.value()));
        usable = true;
    } else {
        recognised_->setText(
            QString::fromStdString(kind.error().sentence + " " + kind.error().next_step));
    }
    interval_->setEnabled(live);
    // Whoever typed one, or came with one, keeps it.
    if (!interval_->isModified() && interval_->text() == usual_ && usable && live) {
        usual_ = shown(usualInterval(target));
        interval_->setText(usual_);
    }
    pollLabel_->setText(pool ? tr("Sam&ple every") : tr("&Poll every"));
    interval_->setAccessibleName(pollLabel_->text().remove(QLatin1Char('&')));
    const QString told =
        pool ? tr("The process tells by itself: how often that becomes a sample") : QString();
    pollLabel_->setToolTip(told);
    interval_->setToolTip(told);
    QString trouble;
    const bool readable = optionsReadable(&trouble);
    attach_->setText(live ? tr("&Attach") : tr("&Open"));
    attach_->setEnabled(usable && readable);
    testButton_->setEnabled(usable && readable && live && !target.isEmpty());
    if (!readable)
        foot_->setText(trouble);
    else if (holdsSecret(target))
        foot_->setText(tr("The password in it is used and never stored, but anyone can read it "
                          "here. %1 is safer.")
                           .arg(saferPlace(familyOf(target))));
    else
        foot_->setText(wordsOf(target).secret);
}

/// The part of a form that must become one's own is selected: typing replaces it.
void AttachDialog::fillForm()
{
    const QString form = list_->form();
    if (form.isEmpty())
        return;
    filling_ = true;
    target_->setText(form);
    filling_ = false;
    recognise();
    qsizetype from = form.indexOf(QStringLiteral("://")) + 3;
    qsizetype to = form.indexOf(QLatin1Char('/'), from);
    const qsizetype port = form.indexOf(QLatin1Char(':'), from);
    to = port > 0 ? port : to > 0 ? to : form.size();
    target_->setFocus();
    target_->setSelection(static_cast<int>(from), static_cast<int>(to - from));
}

void AttachDialog::picked()
{
    const std::vector<AttachList::Entry> entries = list_->picked();
    filling_ = true;
    if (const QString form = list_->form(); !form.isEmpty()) {
        target_->setText(form);
        ssh_->clear();
    } else if (entries.size() == 1) {
        target_->setText(entries.front().target);
        ssh_->setText(entries.front().sshHost);
    } else if (entries.size() > 1) {
        target_->clear();
    }
    target_->setPlaceholderText(entries.size() > 1 ? tr("%1 targets, below").arg(entries.size())
                                                   : tr("postgresql://dba@db1/shop"));
    recognise();
    filling_ = false;
}

bool AttachDialog::optionsReadable(QString* trouble) const
{
    const auto interval = read(interval_->text());
    const auto alert = read(alert_->text());
    const auto critical = read(critical_->text());
    if (interval_->isEnabled() && (!interval || *interval < std::chrono::milliseconds{100} ||
                                   *interval > std::chrono::hours{1}))
        *trouble = tr("%1: between 100 ms and 1 h, such as 1 s.").arg(interval_->accessibleName());
    else if (!alert || *alert <= Duration{0})
        *trouble = tr("Leak after: a duration such as 30 s.");
    else if (!critical || *critical < *alert)
        *trouble = tr("Critical after: a duration not shorter than Leak after.");
    return trouble->isEmpty();
}

AttachRequest AttachDialog::request(const QString& target, const QString& ssh) const
{
    AttachRequest request;
    request.target = target;
    request.sshHost = ssh;
    // Whoever named that place is not who the environment's token is meant for.
    request.secretAtHand = offered_.isEmpty() || target != offered_;
    request.interval = read(interval_->text()).value_or(request.interval);
    return request;
}

bool AttachDialog::isPicked(const QString& target) const
{
    const std::vector<AttachList::Entry> picked = list_->picked();
    return std::any_of(picked.begin(), picked.end(),
                       [&](const AttachList::Entry& one) { return one.target == target; });
}

/// What was picked is known; only what is typed is looked for on the disk, which may hang.
void AttachDialog::lookFor(const QString& target)
{
    if (isPicked(target))
        return;
    lookedFor_ = target;
    path_ = look_.at(target, [target, isPath = isPath_] { return isPath(target); });
}

Result<TargetKind> AttachDialog::classify(const QString& target) const
{
    if (isPicked(target))
        return classifyKnown(target);
    const bool looked = target == lookedFor_;
    auto kind = classifyTarget(target, looked && path_.value_or(false));
    // As an address it is known without the disk.
    if (!kind && looked && !path_)
        return Error{"Looking for that file: the disk has not answered yet.", {}};
    return kind;
}

AttachChoice AttachDialog::choice() const
{
    AttachChoice choice;
    choice.interval = read(interval_->text()).value_or(choice.interval);
    choice.thresholds.alert = read(alert_->text()).value_or(choice.thresholds.alert);
    choice.thresholds.critical = read(critical_->text()).value_or(choice.thresholds.critical);
    choice.readOnly = readOnly_->isChecked();
    choice.redact = redact_->isChecked();
    std::vector<AttachList::Entry> entries;
    if (const QString target = target_->text().trimmed(); !target.isEmpty())
        entries.push_back({target, ssh_->text().trimmed(), false});
    else
        entries = list_->picked();
    for (const AttachList::Entry& entry : entries) {
        const auto kind = classify(entry.target);
        if (kind && kind.value() == TargetKind::recording)
            choice.recordings << entry.target;
        else if (kind)
            choice.live.push_back(request(entry.target, entry.sshHost));
    }
    return choice;
}

void AttachDialog::runTest()
{
    if (test_->running()) {
        test_->stop();
        testButton_->setText(tr("T&est"));
        return;
    }
    testButton_->setText(tr("Stop"));
    test_->start(request(target_->text().trimmed(), ssh_->text().trimmed()));
}

void AttachDialog::accept()
{
    if (!attach_->isEnabled())
        return;
    RecentTargets recent(settings_);
    const AttachChoice chosen = choice();
    for (const AttachRequest& live : chosen.live)
        recent.add({live.target, live.sshHost, QString(), QDateTime::currentDateTime()});
    QDialog::accept();
}

} // namespace poolscope
