#pragma once

#include <cstddef>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "runtime/collectives/meeting.h"
#include "runtime/executable.h"

// Compiled functions as the cache and exported files keep them, in MessagePack, which takes bytes as they
// are: what those of all backends have.
namespace sinter::backends {

std::string packed(const nlohmann::json& fields);
// Of any bytes. Throws what nlohmann::json does, or RuntimeError, where they are no such fields.
nlohmann::json fields_of(std::string_view bytes);
// What `make` makes of the fields; nothing where the bytes are none of packed(), or it throws.
template <typename Make>
std::optional<std::invoke_result_t<Make, const nlohmann::json&>> unpacked(std::string_view bytes, Make make) {
  try {
    return make(fields_of(bytes));
  } catch (const std::exception&) {
    return {};
  }
}

nlohmann::json to_json(std::span<const std::byte> bytes);
nlohmann::json to_json(std::string_view bytes);
nlohmann::json to_json(const runtime::ProgramLayout& layout);
nlohmann::json to_json(const std::vector<runtime::TensorSpec>& specs);
nlohmann::json to_json(const std::vector<runtime::Meeting>& meetings);

// Throw what nlohmann::json does, or RuntimeError, where it can be none.
runtime::ProgramLayout layout_from_json(const nlohmann::json& fields);
std::vector<runtime::TensorSpec> specs_from_json(const nlohmann::json& fields);
std::vector<runtime::Meeting> meetings_from_json(const nlohmann::json& fields,
                                                 const runtime::ProgramLayout& layout);
std::string_view bytes_from_json(const nlohmann::json& field);  // in the field
void check_stored(bool holds);                                  // throws RuntimeError where it does not

}  // namespace sinter::backends
