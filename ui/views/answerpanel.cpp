// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/answerpanel.h"

#include "ui/models/placewords.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/prose.h"
#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"
#include "ui/views/linkbutton.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

namespace poolscope {

namespace {

QLabel* plain(QWidget* parent, const char* role)
{
    auto* const label = new QLabel(parent);
    label->setTextFormat(Qt::PlainText);
    label->setWordWrap(true);
    if (role)
        label->setProperty("role", QString::fromLatin1(role));
    return label;
}

} // namespace

AnswerPanel::AnswerPanel(QWidget* parent)
    : Panel(parent)
{
    const Theme& theme = Theme::current();
    auto* const row = new QHBoxLayout(this);
    row->setContentsMargins(theme.scaled(52), theme.scaled(14), theme.scaled(16), theme.scaled(14));
    row->setSpacing(theme.scaled(20));
    auto* const left = new QVBoxLayout;
    left_ = left;
    left->setSpacing(theme.scaled(8));
    sentence_ = plain(this, nullptr);
    sentence_->setObjectName(QStringLiteral("answer"));
    explanation_ = plain(this, "secondary");
    evidence_ = new QWidget(this);
    auto* const line = new QHBoxLayout(evidence_);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(theme.scaled(16));
    evidenceTitle_ = plain(evidence_, "caption");
    evidenceTitle_->setText(tr("Evidence"));
    evidenceTitle_->setWordWrap(false);
    line->addWidget(evidenceTitle_, 0, Qt::AlignTop);
    linkBox_ = new QBoxLayout(QBoxLayout::LeftToRight);
    linkBox_->setSpacing(theme.scaled(16));
    linkBox_->addStretch(1);
    line->addLayout(linkBox_, 1);
    confidence_ = plain(this, "caption");
    confidence_->setObjectName(QStringLiteral("confidence"));
    othersBox_ = new QVBoxLayout;
    othersBox_->setSpacing(theme.scaled(4));
    left->addWidget(sentence_);
    // In a row of its own: a column would give it the height of a line as wide as the panel.
    auto* const measure = new QHBoxLayout;
    measure->addWidget(explanation_, 1000);
    measure->addStretch(1);
    left->addLayout(measure);
    left->addWidget(evidence_);
    left->addWidget(confidence_);
    left->addLayout(othersBox_);
    left->addStretch(1);
    row->addLayout(left, 1);
    makeRelief();
    row->addWidget(relieve_);
    connect(&Theme::current(), &Theme::changed, this, &AnswerPanel::restyle);
    // Its lines may be more than those that it would have at its own width.
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
}

void AnswerPanel::makeRelief()
{
    const Theme& theme = Theme::current();
    relieve_ = new QWidget(this);
    auto* const right = new QVBoxLayout(relieve_);
    right_ = right;
    right->setContentsMargins(theme.scaled(16), 0, 0, 0);
    right->setSpacing(theme.scaled(6));
    reliefTitle_ = plain(relieve_, "caption");
    reliefTitle_->setText(tr("Relieve now"));
    terminate_ = new QPushButton(relieve_);
    terminate_->setProperty("kind", QStringLiteral("primary"));
    terminate_->setObjectName(QStringLiteral("relieve"));
    relief_ = plain(relieve_, "secondary");
    obstacle_ = plain(relieve_, "caption");
    obstacle_->setObjectName(QStringLiteral("reliefObstacle"));
    prevention_ = new QWidget(this);
    preventionBox_ = new QBoxLayout(QBoxLayout::TopToBottom, prevention_);
    preventionBox_->setContentsMargins(0, 0, 0, 0);
    preventTitle_ = plain(prevention_, "caption");
    preventTitle_->setText(tr("Prevent"));
    preventTitle_->setWordWrap(false);
    prevent_ = plain(prevention_, "secondary");
    prevent_->setObjectName(QStringLiteral("prevention"));
    preventionBox_->addWidget(preventTitle_, 0, Qt::AlignTop);
    preventionBox_->addWidget(prevent_, 1);
    right->addWidget(reliefTitle_);
    auto* const hold = new QHBoxLayout;
    hold->addWidget(terminate_);
    hold->addStretch(1);
    right->addLayout(hold);
    right->addWidget(relief_);
    right->addWidget(obstacle_);
    right->addWidget(prevention_);
    right->addStretch(1);
    connect(terminate_, &QPushButton::clicked, this, &AnswerPanel::reliefWanted);
}

namespace {

QString commandWords(ActionVerb verb, const SessionKey& session)
{
    return (verb == ActionVerb::cancel ? AnswerPanel::tr("Cancel statement of %1…")
                                       : AnswerPanel::tr("Terminate %1…"))
        .arg(session.pid.value);
}

} // namespace

void AnswerPanel::setAnswer(const Answer& answer, const std::vector<Link>& links,
                            const QString& obstacle)
{
    answer_ = answer;
    links_ = links;
    sentence_->setText(unbroken(answer.sentence));
    explanation_->setText(unbroken(answer.explanation));
    explanation_->setVisible(!answer.explanation.isEmpty());
    confidence_->setText(tr("Confidence: %1").arg(answer.confidence));
    confidence_->setVisible(!answer.confidence.isEmpty());
    showOthers();
    showLinks();
    showRelief(obstacle);
    restyle();
}

/// Counts stand in a row, sentences below each other.
void AnswerPanel::showLinks()
{
    const bool sentences = answer_.kind == Answer::Kind::diagnosis;
    linkBox_->setDirection(sentences ? QBoxLayout::TopToBottom : QBoxLayout::LeftToRight);
    linkBox_->setSpacing(Theme::current().scaled(sentences ? 2 : 16));
    while (buttons_.size() < links_.size()) {
        auto* const button = new LinkButton(evidence_);
        const std::size_t at = buttons_.size();
        connect(button, &QPushButton::clicked, this, [this, at] {
            if (at >= links_.size())
                return;
            const Link link = links_[at]; // following it may bring other ones
            emit linkChosen(link);
        });
        buttons_.push_back(button);
        linkBox_->insertWidget(linkBox_->count() - 1, button);
    }
    for (LinkButton* const button : buttons_)
        button->setElide(sentences ? Qt::ElideRight : Qt::ElideNone, sentences ? 2 : 1);
    for (std::size_t i = 0; i < buttons_.size(); ++i) {
        buttons_[i]->setVisible(i < links_.size());
        if (i < links_.size())
            buttons_[i]->setWords(links_[i].words);
    }
    evidence_->setVisible(!links_.empty());
}

/// A line each: what it is, and what would help there.
void AnswerPanel::showOthers()
{
    while (others_.size() < answer_.others.size()) {
        const std::size_t at = others_.size();
        Other made{new QWidget(this), nullptr, nullptr};
        auto* const row = new QHBoxLayout(made.line);
        row->setContentsMargins(0, 0, 0, 0);
        row->setSpacing(Theme::current().scaled(16));
        made.words = plain(made.line, "secondary");
        made.words->setObjectName(QStringLiteral("otherDiagnosis"));
        made.command = new LinkButton(made.line);
        made.command->setObjectName(QStringLiteral("otherRelief"));
        row->addWidget(made.words, 1);
        row->addWidget(made.command, 0, Qt::AlignTop);
        connect(made.command, &QPushButton::clicked, this, [this, at] {
            if (at >= answer_.others.size())
                return;
            const AnswerOther other = answer_.others[at]; // a sample may come meanwhile
            emit otherReliefWanted(other);
        });
        othersBox_->addWidget(made.line);
        others_.push_back(made);
    }
    for (std::size_t i = 0; i < others_.size(); ++i) {
        const Other& other = others_[i];
        const bool wanted = i < answer_.others.size();
        other.line->setVisible(wanted);
        if (!wanted)
            continue;
        const AnswerOther& said = answer_.others[i];
        other.words->setText(unbroken(said.words));
        other.command->setVisible(said.session.has_value());
        if (said.session)
            other.command->setWords(commandWords(said.verb, *said.session));
        other.command->setEnabled(said.obstacle.isEmpty());
        other.command->setToolTip(plainToolTip(said.obstacle));
    }
}

void AnswerPanel::showRelief(const QString& obstacle)
{
    const bool attaches = !answer_.attachTo.isEmpty();
    const bool relieves = answer_.session || !answer_.reclaim.empty() || attaches;
    // Words of relief without a command are a diagnosis's alone: what nobody here may do.
    const bool words =
        relieves || (answer_.kind == Answer::Kind::diagnosis && !answer_.relief.isEmpty());
    const bool prevents = !answer_.prevention.isEmpty();
    placePrevention(words);
    relieve_->setVisible(words);
    reliefTitle_->setVisible(words);
    terminate_->setVisible(relieves);
    relief_->setVisible(words);
    relief_->setText(unbroken(answer_.relief));
    obstacle_->setVisible(relieves && !obstacle.isEmpty());
    prevention_->setVisible(prevents);
    prevent_->setText(unbroken(answer_.prevention));
    if (relieves) {
        terminate_->setText(answer_.session ? commandWords(answer_.verb, *answer_.session)
                            : attaches
                                ? answer_.attachWords
                                : tr("Reclaim %1…").arg(connections(std::ssize(answer_.reclaim))));
        terminate_->setEnabled(obstacle.isEmpty());
        obstacle_->setText(obstacle);
    }
}

/// Below what relieves, unless that is long, or the other column would stay empty beside it.
void AnswerPanel::placePrevention(bool relieves)
{
    constexpr std::size_t linesEnough = 4;
    constexpr qsizetype longRelief = 120; // fills its narrow column alone
    const bool right = relieves && answer_.relief.size() < longRelief &&
                       links_.size() + answer_.others.size() >= linesEnough;
    QBoxLayout* const to = right ? right_ : left_;
    if (to->indexOf(prevention_) >= 0)
        return;
    (right ? left_ : right_)->removeWidget(prevention_);
    // Above the stretch, and at the left above the other diagnoses.
    to->insertWidget(right ? to->count() - 1 : to->indexOf(confidence_), prevention_);
    preventionBox_->setDirection(right ? QBoxLayout::TopToBottom : QBoxLayout::LeftToRight);
    preventionBox_->setSpacing(right ? 6 : Theme::current().scaled(16));
    // Both begin at one line there.
    preventTitle_->setMinimumWidth(right ? 0 : evidenceTitle_->sizeHint().width());
}

void AnswerPanel::resizeEvent(QResizeEvent* event)
{
    Panel::resizeEvent(event);
    const Theme& theme = Theme::current();
    relieve_->setFixedWidth(theme.scaled(width() < theme.scaled(1120) ? 250 : 300));
}

void AnswerPanel::restyle()
{
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    const bool quiet = answer_.severity == 0;
    sentence_->setFont(quiet ? theme.ui(13) : theme.ui(20, QFont::DemiBold));
    explanation_->setMaximumWidth(QFontMetrics(theme.ui()).averageCharWidth() *
                                  metrics::proseMeasure);
    QPalette palette = sentence_->palette();
    const bool waits = answer_.kind == Answer::Kind::waiting;
    palette.setColor(QPalette::WindowText, waits && answer_.target ? tokens.text3
                                           : quiet                 ? tokens.text2
                                                                   : tokens.text);
    sentence_->setPalette(palette);
    layout()->setContentsMargins(theme.scaled(waits   ? metrics::pageMargin
                                              : quiet ? 40
                                                      : 52),
                                 theme.scaled(quiet ? 9 : 14), theme.scaled(16),
                                 theme.scaled(quiet ? 9 : 14));
    update();
}

void AnswerPanel::paintEvent(QPaintEvent* event)
{
    Panel::paintEvent(event);
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    QPainter painter(this);
    const bool quiet = answer_.severity == 0;
    if (!quiet)
        painter.fillRect(0, 0, theme.scaled(4), height(),
                         answer_.severity == 2 ? tokens.critFill : tokens.warnFill);
    if (answer_.kind == Answer::Kind::waiting)
        return; // nothing is known, so nothing is fine
    const int size = theme.scaled(quiet ? 14 : 18);
    const double y = sentence_->y() + (QFontMetrics(sentence_->font()).height() - size) / 2.0;
    paintSeverity(painter, QRectF(theme.scaled(quiet ? 16 : 20), y, size, size),
                  answer_.severity == 2   ? Severity::critical
                  : answer_.severity == 1 ? Severity::warning
                                          : Severity::none,
                  tokens);
    if (relieve_->isVisible())
        painter.fillRect(relieve_->x() - 1, theme.scaled(14), 1, height() - theme.scaled(28),
                         tokens.line);
}

} // namespace poolscope
