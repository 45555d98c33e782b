#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "ir/loop/expr.h"

namespace sinter::loop {

// What the text of a kernel calls its variables and buffers: their names, made words of the text, and told
// apart where one would hide another that is in scope.
class Names {
 public:
  void bind(const VariableRef& variable) { bind(variable.get(), variable->name, false); }
  void bind(const BufferRef& buffer) { bind(buffer.get(), buffer->name, true); }
  void release(const VariableRef& variable) { release(static_cast<const void*>(variable.get())); }
  void release(const BufferRef& buffer) { release(static_cast<const void*>(buffer.get())); }

  // Its own name where it is not bound.
  std::string of(const VariableRef& variable) const { return of(variable.get(), variable->name); }
  std::string of(const BufferRef& buffer) const { return of(buffer.get(), buffer->name); }

 private:
  void bind(const void* item, std::string_view name, bool is_buffer);
  void release(const void* item);
  std::string of(const void* item, const std::string& name) const;

  std::unordered_map<const void*, std::string> names_;
  std::unordered_set<std::string> taken_;
};

// `name` as it stands in a text: a word, or in quotes.
std::string quoted_unless_word(std::string_view name);

}  // namespace sinter::loop
