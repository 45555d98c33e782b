#pragma once

#include <string>
#include <string_view>

namespace examples {

bool is_utf8(std::string_view text);
std::u32string decode_utf8(std::string_view text);  // bytes that are not UTF-8 become U+FFFD
std::string encode_utf8(std::u32string_view text);

}  // namespace examples
