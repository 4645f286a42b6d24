// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QString>
#include <QStringList>

#include <string>
#include <vector>

namespace poolscope::paper {

/// An element of the report's page, or a piece of its text: then it has no name.
struct Element
{
    QString name;
    QString text;
    QHash<QString, QString> attributes;
    std::vector<Element> children;

    bool has(const char* className) const;
    QStringList classes() const;
    /// A number among its attributes, else 0.
    qreal number(const char* attribute) const;
    /// Its text and that of all within it.
    QString allText() const;
    /// The first child of that name; null where there is none.
    const Element* child(const char* named) const;
};

std::vector<const Element*> childrenOf(const Element& element);
/// The page as a tree; an element without name and children where it is no XML.
Element elementsOf(const std::string& html);

} // namespace poolscope::paper
