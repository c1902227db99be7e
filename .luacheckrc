std = "lua54"
globals = {"must"}
max_line_length = 100
files["lua/meta"] = {ignore = {"111", "112", "113", "131", "211", "212", "241"}}
files["tests"] = {std = "lua54+busted"}
files["lua/salvor/cli.lua"] = {globals = {"must", "arg"}}
