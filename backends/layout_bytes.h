#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>

#include "runtime/executable.h"

// Compiled functions as the cache and exported files keep them, in MessagePack, which takes bytes as they
// are: what those of all backends have.
namespace sinter::backends {

nlohmann::json to_json(std::span<const std::byte> bytes);
nlohmann::json to_json(const runtime::ProgramLayout& layout);
nlohmann::json to_json(const std::vector<runtime::TensorSpec>& specs);

// Throw what nlohmann::json does, or RuntimeError, where it can be none.
runtime::ProgramLayout layout_from_json(const nlohmann::json& fields);
std::vector<runtime::TensorSpec> specs_from_json(const nlohmann::json& fields);
void check_stored(bool holds);  // throws RuntimeError where it does not

}  // namespace sinter::backends
