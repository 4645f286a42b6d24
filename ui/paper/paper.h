// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/report/report.h"
#include "ui/paper/element.h"
#include "ui/paper/pages.h"
#include "ui/paper/printstyle.h"

#include <QByteArray>
#include <QString>

#include <vector>

class QPainter;

namespace poolscope::paper {

/// A report's page on sheets of A4: the same words and drawings, light, with the recording's name,
/// the range and the page's number at the foot of each. Needs a QGuiApplication, for its fonts, but
/// no display; any one thread.
class Booklet
{
public:
    explicit Booklet(const report::Input& input);
    Booklet(const Booklet&) = delete;
    Booklet& operator=(const Booklet&) = delete;

    /// Of a sheet, and of what is set on it; in units.
    static QSizeF sheet();
    static QRectF textArea();

    const std::vector<SheetOfPaper>& sheets() const { return sheets_; }
    const std::vector<Slab>& slabs() const { return slabs_; }
    const Element& html() const { return html_; }
    QString title() const;
    /// Left and right at a sheet's foot.
    QString footOf(std::size_t sheet) const;
    QString numberOf(std::size_t sheet) const;
    void paint(QPainter& painter, std::size_t sheet) const;

private:
    PrintStyle style_;
    Element html_;
    std::vector<QString> feet_; ///< of each report in it
    std::vector<Slab> slabs_;
    std::vector<SheetOfPaper> sheets_;
};

/// The whole file.
QByteArray pdfOf(const report::Input& input);

} // namespace poolscope::paper
