# Makes of a header's comments what Doxygen takes for them: those before a declaration, those behind one, and the lines
# that go on below one behind. Lines that are set in further are code.
{
  at = match($0, /\/\/( |$)/)
  if ($0 ~ /^ *\/\/( |$)/) {
    is_behind = is_behind && at == column
    sub(/\/\//, is_behind ? "///<" : "///")
    sub(/\/\/\/   /, "///       ")
  } else {
    is_behind = $0 ~ /[;,{}] +\/\/ / && $0 !~ /^[}#]/
    column = at
    if (is_behind) sub(/\/\//, "///<")
  }
  print
}
