# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does in virt-manager's window what a person does: virt-manager.py TAG

In the details of a domain, which virt-manager shows already, it opens the tab XML, puts TAG into the element metadata,
presses Apply, and waits until the tab shows a corrected CPU. The controls are found and used over AT-SPI, the
interface for screen readers.
"""
import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

PATIENCE = 60  # seconds until something is given up that does not come


def wait_for(what, function):
    """What the function returns, once that is something. A control may go away while it is looked at."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            found = function()
        except GLib.Error:
            found = None
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"in vain: {what}; on the screen: {', '.join(filter(None, map(name_of, controls())))}")


def name_of(control):
    try:
        return control.get_name()
    except GLib.Error:
        return ""


def controls():
    """All that are on the screen."""
    stack = [Atspi.get_desktop(0)]
    while stack:
        one = stack.pop()
        yield one
        stack += [child for child in map(one.get_child_at_index, range(one.get_child_count())) if child]


def control(role, name):
    def find():
        for one in controls():
            # A "push button" is a "button" in newer releases.
            if one.get_role_name().endswith(role) and one.get_name() == name and \
                    one.get_state_set().contains(Atspi.StateType.SHOWING):
                return one
        return None
    return wait_for(f"a {role} '{name}'", find)


def text_with(editor, part):
    """The editor's text, once it has the part."""
    def read():
        text = Atspi.Text.get_text(editor, 0, Atspi.Text.get_character_count(editor))
        return text if part in text else None
    return wait_for(f"'{part}' in the editor", read)


def main(tag):
    tab = control("page tab", "XML")
    tab.get_parent().select_child(tab.get_index_in_parent())
    editor = control("text", "XML editor")
    text = text_with(editor, "</domain>").replace("<metadata/>", "")  # libvirt 11.3 shows no empty one
    text = text.replace("<memory ", f"<metadata>{tag}</metadata>\n  <memory ", 1)
    Atspi.EditableText.set_text_contents(editor, text)
    Atspi.Action.do_action(control("button", "config-apply"), 0)
    text_with(editor, '<feature policy="require" name="svm"/>')


main(sys.argv[1])
