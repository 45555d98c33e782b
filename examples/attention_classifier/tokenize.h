#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attention_classifier {

// The words of a sentence as English treebanks cut it: at spaces and around punctuation ("high-speed" gives
// three), with "n't", "'s", "'re", "'ve", "'ll", "'d", "'m" as words of their own; repeated signs ("...") and
// numbers ("1,000.5") stay whole. Bytes that are not UTF-8 become U+FFFD.
std::vector<std::string> tokenize(std::string_view sentence);

}  // namespace attention_classifier
