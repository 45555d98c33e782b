#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace attention_classifier {

// What the program shows after it has trained: text in UTF-8, at most 80 columns wide.

// Loss (thin line, left axis) and accuracy (thick line, right axis, in percent) over the epochs, which are
// numbered from 1. Both spans have one value an epoch; values that are not finite leave a gap.
std::string training_plot(std::span<const double> loss, std::span<const double> accuracy);

// The weights of a self-attention, [words, words] row-major, one row for each word that looks: shaded, with
// the hundredths beside (at most 99; a dot where they round to 0).
std::string attention_table(std::span<const std::string> words, std::span<const float> weights);

// The first columns of a row-major matrix that has one row for each word.
std::string matrix_preview(std::span<const std::string> words, std::span<const float> values);

// Each word's probabilities, [words, classes] row-major, with its most probable class marked.
std::string probability_table(std::span<const std::string> words, std::span<const std::string_view> classes,
                              std::span<const float> probabilities);

}  // namespace attention_classifier
