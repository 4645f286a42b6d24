// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/findings.h"
#include "ui/theme/panel.h"

class QBoxLayout;
class QLabel;
class QPushButton;

namespace poolscope {

class LinkButton;

/// The overview's first panel: what is wrong, the evidence as links, what to do now. Healthy, it is
/// one grey line.
class AnswerPanel : public Panel
{
    Q_OBJECT
public:
    explicit AnswerPanel(QWidget* parent = nullptr);

    using Link = AnswerEvidence;
    /// `obstacle`: why the session cannot be ended, or the connections not be taken back; empty
    /// where it can be done.
    /// An answer of kind waiting is written in text3 while something is awaited, and plainly where
    /// it is up to the user.
    void setAnswer(const Answer& answer, const std::vector<Link>& links, const QString& obstacle);

signals:
    void linkChosen(const poolscope::AnswerEvidence& link);
    void reliefWanted();
    /// The user asked for what relieves another one than the worst.
    void otherReliefWanted(const poolscope::AnswerOther& other);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void restyle();
    void makeRelief();
    void showLinks();
    void showRelief(const QString& obstacle);
    void showOthers();
    void placePrevention(bool relieves);

    Answer answer_;
    std::vector<Link> links_;
    QLabel* sentence_;
    QLabel* explanation_;
    QWidget* evidence_;
    QBoxLayout* linkBox_;
    QLabel* confidence_;
    struct Other
    {
        QWidget* line;
        QLabel* words;
        LinkButton* command;
    };
    QBoxLayout* othersBox_;
    std::vector<Other> others_;
    std::vector<LinkButton*> buttons_;
    QWidget* relieve_;
    QPushButton* terminate_;
    QLabel* relief_;
    QLabel* obstacle_;
    QLabel* reliefTitle_;
    QBoxLayout* left_;
    QBoxLayout* right_;
    QWidget* prevention_; ///< in the column that has room for it
    QBoxLayout* preventionBox_;
    QLabel* evidenceTitle_ = nullptr;
    QLabel* preventTitle_;
    QLabel* prevent_;
};

} // namespace poolscope
