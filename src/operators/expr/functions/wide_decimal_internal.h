// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "columnar/numeric.h"

/// Arithmetic on more digits than int128 holds, for the few functions that need it.
namespace braid::operators {

/// Decimal digits of the magnitude; 1 for 0.
int decimal_digits(int128 value);

/// sqrt(value × 10^exponent), half away from zero; nothing if it does not fit 38 digits. Needs
/// value and exponent not negative.
std::optional<int128> rounded_square_root(int128 value, int exponent);

/// (unscaled × 10^-scale)^exponent × 10^result_scale, half away from zero; nothing if it does not
/// fit.
std::optional<int128> rounded_power(int128 unscaled, int scale, int32_t exponent, int result_scale);

}  // namespace braid::operators
