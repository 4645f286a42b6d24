// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

/// Colour science for the tests: contrast (WCAG 2), simulated colour-blindness (Machado, Oliveira
/// and Fernandes 2009, severity 1.0), difference (CIEDE2000).
namespace poolscope::colourmath {

using Triple = std::array<double, 3>;

inline double toLinear(double s)
{
    return s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
}

inline double toGamma(double l)
{
    return l <= 0.0031308 ? l * 12.92 : 1.055 * std::pow(l, 1 / 2.4) - 0.055;
}

inline Triple linear(const QColor& c)
{
    return {toLinear(c.red() / 255.0), toLinear(c.green() / 255.0), toLinear(c.blue() / 255.0)};
}

inline double luminance(const QColor& c)
{
    const Triple l = linear(c);
    return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2];
}

inline double contrast(const QColor& a, const QColor& b)
{
    const auto [low, high] = std::minmax({luminance(a), luminance(b)});
    return (high + 0.05) / (low + 0.05);
}

enum class Vision { normal, deuteranopia, protanopia, tritanopia };

/// Linear RGB as that eye sees it, clipped to what a screen can show.
inline Triple seen(const QColor& c, Vision vision)
{
    using Matrix = std::array<Triple, 3>;
    static constexpr std::array<Matrix, 4> matrices = {
        Matrix{Triple{1, 0, 0}, Triple{0, 1, 0}, Triple{0, 0, 1}},
        Matrix{Triple{0.367322, 0.860646, -0.227968}, Triple{0.280085, 0.672501, 0.047413},
               Triple{-0.011820, 0.042940, 0.968881}},
        Matrix{Triple{0.152286, 1.052583, -0.204868}, Triple{0.114503, 0.786281, 0.099216},
               Triple{-0.003882, -0.048116, 1.051998}},
        Matrix{Triple{1.255528, -0.076749, -0.178779}, Triple{-0.078411, 0.930809, 0.147602},
               Triple{0.004733, 0.691367, 0.303900}},
    };
    const Matrix& m = matrices[static_cast<std::size_t>(vision)];
    const Triple l = linear(c);
    Triple out{};
    for (std::size_t i = 0; i < 3; ++i)
        out[i] = std::clamp(m[i][0] * l[0] + m[i][1] * l[1] + m[i][2] * l[2], 0.0, 1.0);
    return out;
}

/// CIE L*a*b*, D65.
inline Triple lab(const Triple& rgb)
{
    const double x = (0.4124564 * rgb[0] + 0.3575761 * rgb[1] + 0.1804375 * rgb[2]) / 0.95047;
    const double y = 0.2126729 * rgb[0] + 0.7151522 * rgb[1] + 0.0721750 * rgb[2];
    const double z = (0.0193339 * rgb[0] + 0.1191920 * rgb[1] + 0.9503041 * rgb[2]) / 1.08883;
    const auto f = [](double t) {
        return t > 216.0 / 24389 ? std::cbrt(t) : (24389.0 / 27 * t + 16) / 116;
    };
    return {116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))};
}

inline double ciede2000(const Triple& one, const Triple& two)
{
    constexpr double degree = std::numbers::pi / 180;
    const double c7 = std::pow((std::hypot(one[1], one[2]) + std::hypot(two[1], two[2])) / 2, 7);
    const double g = 0.5 * (1 - std::sqrt(c7 / (c7 + std::pow(25.0, 7))));
    const double a1 = (1 + g) * one[1], a2 = (1 + g) * two[1];
    const double c1 = std::hypot(a1, one[2]), c2 = std::hypot(a2, two[2]);
    const auto hue = [](double a, double b) {
        if (a == 0 && b == 0)
            return 0.0;
        const double h = std::atan2(b, a) / degree;
        return h < 0 ? h + 360 : h;
    };
    const double h1 = hue(a1, one[2]), h2 = hue(a2, two[2]);

    double dh = 0, meanH = h1 + h2;
    if (c1 * c2 != 0) {
        dh = h2 - h1;
        if (dh > 180)
            dh -= 360;
        else if (dh < -180)
            dh += 360;
        if (std::abs(h1 - h2) <= 180)
            meanH = (h1 + h2) / 2;
        else
            meanH = h1 + h2 < 360 ? (h1 + h2 + 360) / 2 : (h1 + h2 - 360) / 2;
    }
    const double dL = two[0] - one[0], dC = c2 - c1;
    const double dH = 2 * std::sqrt(c1 * c2) * std::sin(dh / 2 * degree);
    const double meanL = (one[0] + two[0]) / 2, meanC = (c1 + c2) / 2;
    const double t =
        1 - 0.17 * std::cos((meanH - 30) * degree) + 0.24 * std::cos(2 * meanH * degree) +
        0.32 * std::cos((3 * meanH + 6) * degree) - 0.20 * std::cos((4 * meanH - 63) * degree);
    const double l50 = (meanL - 50) * (meanL - 50);
    const double sL = 1 + 0.015 * l50 / std::sqrt(20 + l50);
    const double sC = 1 + 0.045 * meanC;
    const double sH = 1 + 0.015 * meanC * t;
    const double mean7 = std::pow(meanC, 7);
    const double rC = 2 * std::sqrt(mean7 / (mean7 + std::pow(25.0, 7)));
    const double turn = 30 * std::exp(-std::pow((meanH - 275) / 25, 2));
    const double rT = -std::sin(2 * turn * degree) * rC;
    const double l = dL / sL, c = dC / sC, h = dH / sH;
    return std::sqrt(l * l + c * c + h * h + rT * c * h);
}

inline double difference(const QColor& a, const QColor& b, Vision vision)
{
    return ciede2000(lab(seen(a, vision)), lab(seen(b, vision)));
}

} // namespace poolscope::colourmath
