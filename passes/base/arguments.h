#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph/graph.h"
#include "ir/loop/target.h"

namespace sinter::passes {

// What stands between the parentheses of a pass, separated by semicolons.
using Arguments = std::vector<std::string>;

// Throws GraphError where one of them is none of those that `pass` takes.
void check_arguments(std::string_view pass, const Arguments& arguments,
                     std::initializer_list<std::string_view> known);

// "of=loss" as "of" and "loss"; the second is empty where there is no '='.
std::pair<std::string, std::string> key_and_value(const std::string& argument);
// The number that begins a value; -1 where none does.
int64_t number_in(const std::string& value);

// The function that the argument `key`=`name` of `pass` is for. Throws GraphError where there is none.
graph::Function& function_of(std::string_view pass, std::string_view key, const std::string& name,
                             const graph::Module& module);

// The target with the limits that arguments set: "buffers=N", how many a kernel may bind; "iterations=N", how
// long one invocation may loop; "threads=N", how many units are cut for. `pass` takes those of `known`.
loop::Target limited(std::string_view pass, const Arguments& arguments, const loop::Target& target,
                     std::initializer_list<std::string_view> known);

}  // namespace sinter::passes
