#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>

#include "runtime/executable.h"

// Compiled functions as the cache keeps them, in MessagePack, which takes bytes as they are: what those of
// all backends have.
namespace sinter::backends {

nlohmann::json to_json(std::span<const std::byte> bytes);
nlohmann::json to_json(const runtime::ProgramLayout& layout);

// Throws what nlohmann::json does, or RuntimeError, where it can be no layout.
runtime::ProgramLayout layout_from_json(const nlohmann::json& fields);
void check_stored(bool holds);  // throws RuntimeError where it does not

}  // namespace sinter::backends
